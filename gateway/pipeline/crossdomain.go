package pipeline

import (
	"net/http"
	"strings"

	"gatehouse/policy"
)

// compileCrossDomain is cross-domain: the document of browser plug-ins, served at its well-known address. The document
// is that of the element, as written. Where no API answers there, CrossDomain serves it.
func compileCrossDomain(k *Compiler, e *policy.Element) Step {
	document := []byte(`<?xml version="1.0"?>` + "\n<cross-domain-policy>" + strings.TrimSpace(e.Inner) + "</cross-domain-policy>\n")
	if strings.HasPrefix(strings.TrimSpace(e.Inner), "<cross-domain-policy") {
		document = []byte(`<?xml version="1.0"?>` + "\n" + strings.TrimSpace(e.Inner) + "\n")
	}
	if k.section == Inbound && len(k.path) == 1 {
		k.doc.plugins = document
	}
	return StepFunc(func(c *Call) error {
		if !c.asksForPlugins() {
			return nil
		}
		c.servePlugins(document)
		return errEnd
	})
}

func (c *Call) asksForPlugins() bool {
	return (c.Request.Method == http.MethodGet || c.Request.Method == http.MethodHead) && strings.EqualFold(c.Request.OriginalURL.Path, "/crossdomain.xml")
}

func (c *Call) servePlugins(document []byte) {
	r := c.NewResponse(http.StatusOK, "")
	r.Headers["Content-Type"] = []string{"text/x-cross-domain-policy"}
	c.SetBody(Answer, NewBody(document))
	c.Answered = true
}

// CrossDomain answers a call that no API answers, if the widest document has cross-domain and the call asks for that.
func (c *Call) CrossDomain() bool {
	if len(c.Chain) == 0 || c.Chain[0].plugins == nil || c.Chain[0].Err != nil || !c.asksForPlugins() {
		return false
	}
	c.servePlugins(c.Chain[0].plugins)
	return true
}
