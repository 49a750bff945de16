package template

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"gatehouse"
	"gatehouse/jsondoc"
)

// The codes of this package's errors, as Azure's deployments have them.
const (
	InvalidTemplate                  = "InvalidTemplate"
	DeploymentOutputEvaluationFailed = "DeploymentOutputEvaluationFailed"
)

// fault is what is wrong with a template, on its way out to where the message
// is written: it collects the JSON path, and the position of the innermost member.
type fault struct {
	what      string
	path      string
	line, col int
	told      bool // position and path are complete
}

func (f *fault) Error() string {
	if f.path == "" {
		return f.what
	}
	return fmt.Sprintf("%s (at '%s')", f.what, f.path)
}

func faultf(format string, args ...any) error {
	return &fault{what: fmt.Sprintf(format, args...)}
}

// below notes that err arose in the member name of o. Errors that are no fault pass as they are.
func below(err error, o *jsondoc.Object, name string) error {
	f := (*fault)(nil)
	if !errors.As(err, &f) || f.told {
		return err
	}
	if f.line == 0 {
		f.line, f.col = o.PositionOf(name)
	}
	f.path = joinPath(name, f.path)
	return err
}

// belowIndex is below for an element of an array.
func belowIndex(err error, i int) error {
	f := (*fault)(nil)
	if errors.As(err, &f) && !f.told {
		f.path = joinPath(fmt.Sprintf("[%d]", i), f.path)
	}
	return err
}

func joinPath(first, rest string) string {
	if first == "" || rest == "" || rest[0] == '[' {
		return first + rest
	}
	return first + "." + rest
}

// invalid turns a fault into the error that leaves the package; format has one
// verb for the fault. Other errors pass.
func (t *Template) invalid(err error, code, format string, args ...any) error {
	f := (*fault)(nil)
	if err == nil || !errors.As(err, &f) {
		return err
	}
	e := gatehouse.Errorf(gatehouse.Invalid, code, format, append(args, f)...)
	e.Target = f.path
	return e
}

// validation is invalid for faults that are found before anything is deployed.
func (t *Template) validation(err error) error {
	f := (*fault)(nil)
	if err == nil || !errors.As(err, &f) {
		return err
	}
	if f.line == 0 {
		return t.invalid(err, InvalidTemplate, "Deployment template validation failed: '%v'.")
	}
	line, col := t.position(f.line, f.col)
	return t.invalid(err, InvalidTemplate, "Deployment template validation failed: 'Line '%d' and column '%d': %v'.", line, col)
}

// position counts from where the template begins in the request, as its author sees it.
func (t *Template) position(line, col int) (int, int) {
	first, start := t.doc.Position()
	if first == 0 || line == 0 {
		return line, col
	}
	if line == first {
		col -= start - 1
	}
	return line - first + 1, col
}

// clip shortens text of the template for a message.
func clip(s string) string {
	const most = 200
	if len(s) <= most {
		return s
	}
	cut := most
	for !utf8.RuneStart(s[cut]) {
		cut--
	}
	return s[:cut] + "…"
}

func quoteAll(names []string) string { return strings.Join(names, ", ") }
