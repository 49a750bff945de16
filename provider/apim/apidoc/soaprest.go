package apidoc

import (
	"encoding/xml"
	"net/url"
	"sort"
	"strings"
)

// restPolicy makes a SOAP message of the JSON that a caller sends and JSON of the answer, as the
// service's own SOAP to REST import does. Elements of elements pass through by name.
func restPolicy(contentType, serviceURL, action string, in, out message) string {
	path := "/"
	if u, err := url.Parse(serviceURL); err == nil && u.Path != "" {
		path = u.Path
	}
	envelope := "http://schemas.xmlsoap.org/soap/envelope/"
	if contentType != "text/xml" {
		envelope = "http://www.w3.org/2003/05/soap-envelope"
	}
	var b strings.Builder
	line := func(parts ...string) { b.WriteString(strings.Join(parts, "") + "\n") }
	line("<policies>")
	line("  <inbound>")
	line("    <base />")
	line(`    <rewrite-uri template="`, attribute(path), `" copy-unmatched-params="false" />`)
	line(`    <set-header name="SOAPAction" exists-action="override">`)
	line(`      <value>"`, attribute(action), `"</value>`)
	line(`    </set-header>`)
	line(`    <set-body template="liquid">`)
	line(`      <soap:Envelope xmlns="`, attribute(in.element.Space), `" xmlns:soap="`, envelope, `">`)
	line(`        <soap:Body>`)
	name := first(in.element.Local, "Request")
	line(`          <`, name, `>`)
	for _, f := range in.fields {
		line(`            <`, f.name, `>{{body.`, lower(name), `.`, lower(f.name), `}}</`, f.name, `>`)
	}
	line(`          </`, name, `>`)
	line(`        </soap:Body>`)
	line(`      </soap:Envelope>`)
	line(`    </set-body>`)
	line(`    <set-header name="Content-Type" exists-action="override">`)
	line(`      <value>`, contentType, `</value>`)
	line(`    </set-header>`)
	line("  </inbound>")
	line("  <backend>")
	line("    <base />")
	line("  </backend>")
	line("  <outbound>")
	line("    <base />")
	if len(out.fields) > 0 {
		line(`    <set-body template="liquid">`)
		line(`      { "`, lower(out.element.Local), `": {`)
		for i, f := range out.fields {
			value := `body.envelope.body.` + out.element.Local + `.` + f.name
			if f.plain {
				value = `{{` + value + `}}`
			} else { // the filters that the service's own import writes
				value = `"{{` + value + ` | Replace: '\r', '\r' | Replace: '\n', '\n' | Replace: '([^\\](\\\\)*)"', '$1\"'}}"`
			}
			line(`        "`, lower(f.name), `": `, value, []string{",", ""}[min(1, (i+1)/len(out.fields))])
		}
		line(`      } }`)
		line(`    </set-body>`)
	}
	line(`    <set-header name="Content-Type" exists-action="override">`)
	line(`      <value>application/json</value>`)
	line(`    </set-header>`)
	line("  </outbound>")
	line("  <on-error>")
	line("    <base />")
	line("  </on-error>")
	b.WriteString("</policies>")
	return b.String()
}

func attribute(s string) string {
	var b strings.Builder
	xml.EscapeText(&b, []byte(s))
	return b.String()
}

// lower makes the first letter small, as members of JSON have it.
func lower(s string) string {
	if s == "" {
		return s
	}
	return strings.ToLower(s[:1]) + s[1:]
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	return keys
}
