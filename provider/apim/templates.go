package apim

import (
	_ "embed"
	"strings"
	"sync"

	"gatehouse/arm"
	"gatehouse/jsondoc"
)

// templatesText holds the mails of the developer portal as they are until somebody
// changes them: the set and the parameters are Azure's, the wording is ours.
//
//go:embed data/templates.json
var templatesText string

var mailTemplates = sync.OnceValue(func() *jsondoc.Object {
	o, err := jsondoc.ParseObject([]byte(templatesText))
	if err != nil {
		panic("apim: data/templates.json: " + err.Error())
	}
	return o
})

// templates are the mails to developers. PUT and PATCH change one, DELETE brings the
// original back (apim-defaults.md). A member that a PUT leaves out is the original's.
func templates() *arm.Type {
	names := mailTemplates().Names()
	return published("service/templates", "properties.isDefault bool readonly\n", arm.Type{
		Noun: "EmailTemplate", Name: arm.NameRule{Only: names}, Always: names,
		Hooks: arm.Hooks{
			Initial: func(_ *arm.Op, _ *arm.Resource, name string) (*jsondoc.Object, error) {
				original := originalTemplate(name)
				original.Set("isDefault", true)
				return object("properties", original), nil
			},
			Default: func(_ *arm.Op, next *arm.Resource) {
				complete(next.Props(), originalTemplate(next.ID.Name()))
				next.Props().Set("isDefault", false)
			},
		},
	})
}

// originalTemplate is the properties of a mail as it comes.
func originalTemplate(name string) *jsondoc.Object {
	v, _ := mailTemplates().Get(name)
	mail := v.(*jsondoc.Object)
	var parameters []jsondoc.Value
	for name, title := range mail.Object("parameters").All() {
		parameters = append(parameters, object("name", name, "title", title))
	}
	return object("subject", mail.String("subject"), "body", letter(mail.Array("text")), "title", mail.String("title"),
		"description", mail.String("description"), "parameters", parameters)
}

// letter is a document with a paragraph for each text.
func letter(paragraphs []jsondoc.Value) string {
	var b strings.Builder
	b.WriteString("<!DOCTYPE html >\r\n<html>\r\n  <head />\r\n  <body>\r\n")
	for _, p := range paragraphs {
		b.WriteString("    <p style=\"font-size:12pt;font-family:'Segoe UI'\">" + p.(string) + "</p>\r\n")
	}
	b.WriteString("  </body>\r\n</html>")
	return b.String()
}
