package pipeline

import (
	"errors"
	"strings"

	"gatehouse/dotnet/jsonxml"
	"gatehouse/dotnet/newtonsoft"
	"gatehouse/dotnet/xlinq"
	"gatehouse/gateway/contract"
	"gatehouse/policy"
)

// conversion is what json-to-xml and xml-to-json share: when they apply, and what becomes of the body.
type conversion struct {
	apply   Text
	accept  Flag
	from    func(media string) bool
	wanted  string // what Accept has to name
	to      string // content type of the result
	side    Side
	convert func(c *Call, text string) (string, error)
}

// maxConverted bounds what a conversion may make of a body.
const maxConverted = 64 << 20

var errConverted = errors.New("the converted body is too large")

// spending counts what a conversion takes.
func spending() func(int) error {
	left := maxConverted
	return func(n int) error {
		if left -= n; left < 0 {
			return errConverted
		}
		return nil
	}
}

func (v *conversion) Run(c *Call) error {
	apply, err := v.apply.Eval(c)
	accept, err2 := v.accept.Eval(c)
	if err := cmpErr(err, err2); err != nil {
		return err
	}
	body := c.Body(v.side)
	if body == nil || !strings.EqualFold(apply, "always") && !v.from(contract.MediaType(c.Headers(v.side).Get("Content-Type"))) {
		return nil
	}
	if accept && !accepts(c.Headers(Request).Values("Accept"), v.wanted) {
		return nil
	}
	data, err := body.Bytes(false)
	if err != nil {
		return failed(ReasonBackendConnection, "The body could not be read: "+err.Error())
	}
	text, err := bodyText(c.Headers(v.side).Get("Content-Type"), data)
	if err == nil {
		text, err = v.convert(c, text)
	}
	if err != nil {
		return &Failure{Reason: "ConversionFailed", Message: "The body could not be converted: " + err.Error(), Cause: err}
	}
	c.SetBody(v.side, NewBody([]byte(text)))
	c.Headers(v.side).Set("Content-Type", v.to)
	return nil
}

// accepts reports whether a client takes a kind of media, json or xml. One that does not say takes everything.
func accepts(headers []string, kind string) bool {
	if len(headers) == 0 {
		return true
	}
	for part := range strings.SplitSeq(strings.ToLower(strings.Join(headers, ",")), ",") {
		media, parameters, _ := strings.Cut(strings.TrimSpace(part), ";")
		if strings.ReplaceAll(parameters, " ", "") == "q=0" {
			continue
		}
		if media = strings.TrimSpace(media); media == "*/*" || strings.HasSuffix(media, "/"+kind) || strings.HasSuffix(media, "+"+kind) || media == "application/*" {
			return true
		}
	}
	return false
}

func isXML(media string) bool {
	return media == "application/xml" || media == "text/xml" || strings.HasSuffix(media, "+xml")
}

func compileXMLToJSON(k *Compiler, e *policy.Element) Step {
	kind, arrays := k.Text(e, "kind"), k.Flag(e, "always-array-child-elements")
	return &conversion{apply: k.Text(e, "apply"), accept: k.Flag(e, "consider-accept-header"), from: isXML, wanted: "json", to: "application/json", side: k.Side(), convert: func(c *Call, text string) (string, error) {
		how, err := kind.Eval(c)
		all, err2 := arrays.Eval(c)
		if err := cmpErr(err, err2); err != nil {
			return "", err
		}
		spend := spending()
		document, err := xlinq.ParseDocument(text, false, spend)
		if err != nil {
			return "", err
		}
		token, err := jsonxml.JSON{Friendly: strings.EqualFold(how, "javascript-friendly"), ChildArrays: all}.Convert(document, spend)
		if err != nil {
			return "", err
		}
		return token.Print(false, spend)
	}}
}

func compileJSONToXML(k *Compiler, e *policy.Element) Step {
	dates := k.Flag(e, "parse-date")
	separator, prefix, block := k.Text(e, "namespace-separator"), k.Text(e, "namespace-prefix"), k.Text(e, "attribute-block-name")
	return &conversion{apply: k.Text(e, "apply"), accept: k.Flag(e, "consider-accept-header"), from: isJSON, wanted: "xml", to: "application/xml", side: k.Side(), convert: func(c *Call, text string) (string, error) {
		parse, err := dates.Eval(c)
		sep, err2 := separator.Eval(c)
		names, err3 := prefix.Eval(c)
		attributes, err4 := block.Eval(c)
		if err := cmpErr(err, err2, err3, err4); err != nil {
			return "", err
		}
		spend := spending()
		read := newtonsoft.Parse
		if !parse {
			read = newtonsoft.ParsePlain
		}
		token, err := read(text, spend)
		if err != nil {
			return "", err
		}
		document, err := jsonxml.XML{Root: rootFor(token), Separator: sep, NamespacePrefix: names, AttributeBlock: attributes}.Convert(token, spend)
		if err != nil {
			return "", err
		}
		return document.Print(xlinq.Format{Compact: true}, spend)
	}}
}

// rootFor is the element around what is no single element by itself (gateway.md 8.2 names Document).
func rootFor(t *newtonsoft.Token) string {
	if t.Type() == newtonsoft.Object && len(t.Items()) == 1 {
		if member := t.Items()[0]; len(member.Items()) == 1 && member.Items()[0].Type() != newtonsoft.Array && !strings.HasPrefix(member.Name(), "@") {
			return ""
		}
	}
	return "Document"
}
