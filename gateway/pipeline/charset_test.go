package pipeline

import (
	"net/http"
	"net/url"
	"testing"

	"gatehouse/policy"
	"gatehouse/policy/expr"
)

// TestCharsets: policies that work on the text of a body read it as it is written, and write it so again.
func TestCharsets(t *testing.T) {
	for _, c := range []struct{ name, policy, contentType, body, want, wantType string }{
		{"UTF-8", `<find-and-replace from="é" to="ü" />`, "text/plain", "caf\u00e9", "caf\u00fc", ""},
		{"Latin-1", `<find-and-replace from="é" to="ü€" />`, "text/plain; charset=ISO-8859-1", "caf\xe9", "caf\xfc?", ""},
		{"Windows-1252", `<find-and-replace from="é" to="€" />`, `text/plain; charset="windows-1252"`, "caf\xe9", "caf\x80", ""},
		{"UTF-16 by its mark", `<find-and-replace from="b" to="é" />`, "text/plain", "\xff\xfea\x00b\x00", "\xff\xfea\x00\xe9\x00", ""},
		{"big endian", `<find-and-replace from="b" to="é" />`, "text/plain; charset=utf-16BE", "\x00a\x00b", "\x00a\x00\xe9", ""},
		{"not across characters", `<find-and-replace from="b" to="x" />`, "text/plain; charset=utf-16LE", "\x00b", "\x00b", ""},
		{"mark of UTF-8 stays", `<find-and-replace from="a" to="b" />`, "text/plain", "\xef\xbb\xbfa", "\xef\xbb\xbfb", ""},
		{"unknown charset", `<find-and-replace from="a" to="b" />`, "text/plain; charset=nonsense", "a\xff", "b\xff", ""},
		{"broken UTF-8", `<find-and-replace from="a" to="b" />`, "text/plain", "a\xff", "b\xff", ""},
		{"links", `<redirect-content-urls />`, "text/html; charset=utf-16", "\xff\xfe" + wide("http://backend.test/é"), "\xff\xfe" + wide("https://contoso.azure-api.net/echo/é"), ""},
		{"XML by Content-Type", `<xml-to-json kind="direct" apply="always" />`, "text/xml; charset=iso-8859-1", "<a>caf\xe9</a>", `{"a":"café"}`, "application/json"},
		{"XML by declaration", `<xml-to-json kind="direct" apply="always" />`, "text/xml", `<?xml version="1.0" encoding="windows-1252"?><a>` + "\x80</a>", `{"?xml":{"@version":"1.0","@encoding":"windows-1252"},"a":"€"}`, "application/json"},
		{"XML in UTF-16", `<xml-to-json kind="direct" apply="always" />`, "text/xml", "\xff\xfe" + wide(`<a>é</a>`), `{"a":"é"}`, "application/json"},
		{"JSON with a mark", `<json-to-xml apply="always" />`, "application/json; charset=utf-8", "\xef\xbb\xbf" + `{"a":"é"}`, `<a>é</a>`, "application/xml"},
	} {
		d, err := policy.Parse("<policies><inbound /><backend /><outbound>"+c.policy+"</outbound></policies>", policy.XML)
		if err != nil {
			t.Fatal(err)
		}
		document := Compile(Source{Scope: policy.API, Document: d}, Env{})
		if document.Err != nil {
			t.Fatal(document.Err)
		}
		call := NewCall(&Services{})
		call.Request.Headers = expr.Headers{}
		call.API = &expr.API{Path: "echo"}
		*call.Request.OriginalURL = expr.URL{Scheme: "https", Host: "contoso.azure-api.net", Port: 443}
		call.Target.Base, _ = url.Parse("http://backend.test")
		call.Reply().Headers["Content-Type"] = []string{c.contentType}
		call.SetBody(Answer, NewBody([]byte(c.body)))
		call.Govern(document)
		call.Run()
		got, err := call.Body(Answer).Bytes(true)
		if err != nil || string(got) != c.want {
			t.Errorf("%s: %q %v, want %q", c.name, got, err, c.want)
		}
		if kind := http.Header(call.Response.Headers).Get("Content-Type"); c.wantType != "" && kind != c.wantType {
			t.Errorf("%s: %s", c.name, kind)
		}
		call.Release()
	}
}

// wide is a text in UTF-16, the small end first.
func wide(s string) string {
	var b []byte
	for _, c := range s {
		b = append(b, byte(c), byte(c>>8))
	}
	return string(b)
}

// TestCharsetUnknown: what cannot be read is not converted.
func TestCharsetUnknown(t *testing.T) {
	for contentType, body := range map[string]string{"text/xml; charset=nonsense": "<a/>", "text/xml": "<a>\xff</a>"} {
		if text, err := bodyText(contentType, []byte(body)); err == nil {
			t.Errorf("%s: %q", contentType, text)
		}
	}
}
