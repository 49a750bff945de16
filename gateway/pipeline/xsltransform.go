package pipeline

import (
	"errors"
	"html"
	"strings"

	"gatehouse/policy"
	"gatehouse/xslt"
)

// xslTransform is xsl-transform: the body becomes what a stylesheet makes of it. Parameters are texts.
type xslTransform struct {
	sheet  *xslt.Sheet
	wrong  string // why there is no sheet: calls that reach the policy fail
	params []namedText
	side   Side
}

type namedText struct {
	name  string
	value Text
}

func compileXSLTransform(k *Compiler, e *policy.Element) Step {
	s := &xslTransform{side: k.Side()}
	for _, child := range e.Children {
		switch _, local, _ := strings.Cut(child.Name, ":"); {
		case child.Name == "parameter":
			name := k.Literal(child, "name")
			if name == "" {
				name = k.Literal(child, "parameter-name") // as the statement of the reference has it; its example has name
			}
			s.params = append(s.params, namedText{name, k.Content(child)})
		case local == "stylesheet" || local == "transform" || child.Name == "stylesheet" || child.Name == "transform":
			sheet, err := xslt.Compile(k.stylesheet(child))
			if err != nil {
				s.wrong = "The stylesheet cannot be compiled: " + err.Error()
			}
			s.sheet = sheet
		default:
			s.wrong = "The element '" + child.Name + "' does not belong into xsl-transform."
		}
	}
	if s.sheet == nil && s.wrong == "" {
		s.wrong = "xsl-transform has no xsl:stylesheet."
	}
	if s.wrong != "" {
		k.Warn(s.wrong)
	}
	return s
}

// stylesheet is a stylesheet as it is written, with named values replaced.
func (k *Compiler) stylesheet(e *policy.Element) string {
	var b strings.Builder
	b.WriteString("<" + e.Name)
	for _, a := range e.Attrs {
		b.WriteString(" " + a.Name + `="` + html.EscapeString(k.resolve(e, a.Value).Text) + `"`)
	}
	b.WriteString(">" + e.Inner + "</" + e.Name + ">")
	text := b.String()
	for _, name := range namedIn(text) {
		if value, ok := k.namedValue(policy.Name{Name: name}); ok {
			text = strings.ReplaceAll(text, "{{"+name+"}}", html.EscapeString(value))
		}
	}
	return text
}

// namedIn lists what stands in double braces: named values, or braces that a stylesheet escapes.
func namedIn(text string) (names []string) {
	for {
		_, after, ok := strings.Cut(text, "{{")
		if !ok {
			return names
		}
		name, rest, ok := strings.Cut(after, "}}")
		if !ok {
			return names
		}
		if name != "" && !strings.ContainsAny(name, " \t\r\n{}<>'\"$@/") {
			names = append(names, name)
		}
		text = rest
	}
}

func (s *xslTransform) Run(c *Call) error {
	if s.wrong != "" {
		return failed("TransformationFailed", s.wrong)
	}
	body := c.Body(s.side)
	if body == nil {
		return nil
	}
	params := map[string]string{}
	for i := range s.params {
		v, err := s.params[i].value.Eval(c)
		if err != nil {
			return err
		}
		params[s.params[i].name] = v
	}
	data, err := body.Bytes(false)
	if err != nil {
		return failed(ReasonBackendConnection, "The body could not be read: "+err.Error())
	}
	text, err := bodyText(c.Headers(s.side).Get("Content-Type"), data)
	if err == nil {
		text, err = s.transform(text, params)
	}
	if err != nil {
		return &Failure{Reason: "TransformationFailed", Message: "The body could not be transformed: " + err.Error(), Cause: err}
	}
	c.SetBody(s.side, NewBody([]byte(text)))
	return nil
}

var errTransform = errors.New("the transformation failed")

// transform guards the call: a fault in the engine fails the call and no more.
func (s *xslTransform) transform(text string, params map[string]string) (out string, err error) {
	defer func() {
		if recover() != nil {
			out, err = "", errTransform
		}
	}()
	return s.sheet.Transform(text, params)
}
