package check

import (
	"encoding/xml"
	"fmt"
	"io"
	"strings"

	"gatehouse"
)

// Human writes a line per case and a summary; quiet leaves out the cases that passed.
func (r *Report) Human(w io.Writer, quiet bool) error {
	var out strings.Builder
	for _, c := range r.Cases {
		switch {
		case c.Passed && !quiet:
			printf(&out, "ok    %s\n", oneLine(c.Name))
		case !c.Passed:
			printf(&out, "FAIL  %s: expected %s, got %s\n", oneLine(c.Name), c.Expected, c.Got)
			printf(&out, "      because: %s\n", oneLine(c.Reason))
			if c.why != "" {
				printf(&out, "      the test says: %s\n", oneLine(c.why))
			}
			printf(&out, "      at %s:%d\n", c.File, c.Line)
		}
	}
	if r.Coverage != nil {
		r.Coverage.human(&out)
	}
	printf(&out, "%d passed, %d failed\n", r.Passed, r.Failed)
	_, err := io.WriteString(w, out.String())
	return err
}

func (c *Coverage) human(out *strings.Builder) {
	printf(out, "\n%d of %d assignments are exercised by a test", c.Exercised, c.Assignments)
	if len(c.Untested) == 0 {
		out.WriteString(".\n\n")
		return
	}
	out.WriteString("; these are not:\n")
	for _, u := range c.Untested {
		switch {
		case u.Deny:
			printf(out, "  deny assignment %q at %s\n", u.Name, u.Scope)
		default:
			printf(out, "  %s for %s at %s\n", u.Name, u.Principal, u.Scope)
		}
	}
	out.WriteString("\n")
}

func oneLine(s string) string { return gatehouse.Plain(strings.Join(strings.Fields(s), " ")) }

type junitSuites struct {
	XMLName  xml.Name     `xml:"testsuites"`
	Name     string       `xml:"name,attr"`
	Tests    int          `xml:"tests,attr"`
	Failures int          `xml:"failures,attr"`
	Suites   []junitSuite `xml:"testsuite"`
}

type junitSuite struct {
	Name     string      `xml:"name,attr"`
	Tests    int         `xml:"tests,attr"`
	Failures int         `xml:"failures,attr"`
	Errors   int         `xml:"errors,attr"`
	Skipped  int         `xml:"skipped,attr"`
	Cases    []junitCase `xml:"testcase"`
}

type junitCase struct {
	Name    string        `xml:"name,attr"`
	Class   string        `xml:"classname,attr"`
	File    string        `xml:"file,attr,omitempty"`
	Line    int           `xml:"line,attr,omitempty"`
	Failure *junitFailure `xml:"failure"`
}

type junitFailure struct {
	Message string `xml:"message,attr"`
	Type    string `xml:"type,attr"`
	Text    string `xml:",chardata"`
}

// JUnit writes the XML that pipelines show as test results: a suite per file.
func (r *Report) JUnit(w io.Writer) error {
	all := junitSuites{Name: "gatehouse check", Tests: len(r.Cases), Failures: r.Failed}
	at := map[string]int{}
	for _, c := range r.Cases {
		i, ok := at[c.File]
		if !ok {
			i = len(all.Suites)
			at[c.File], all.Suites = i, append(all.Suites, junitSuite{Name: c.File})
		}
		s := &all.Suites[i]
		j := junitCase{Name: c.Name, Class: c.File, File: c.File, Line: c.Line}
		if s.Tests++; !c.Passed {
			s.Failures++
			j.Failure = &junitFailure{Message: fmt.Sprintf("expected %s, got %s", c.Expected, c.Got), Type: "access", Text: c.Reason}
		}
		s.Cases = append(s.Cases, j)
	}
	if _, err := io.WriteString(w, xml.Header); err != nil {
		return err
	}
	e := xml.NewEncoder(w)
	e.Indent("", "  ")
	if err := e.Encode(all); err != nil {
		return err
	}
	_, err := io.WriteString(w, "\n")
	return err
}

var (
	githubText  = strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A")
	githubValue = strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A", ":", "%3A", ",", "%2C")
)

// GitHub writes workflow commands that mark each failed case at its line, and a summary.
func (r *Report) GitHub(w io.Writer) error {
	var out strings.Builder
	for _, c := range r.Cases {
		if !c.Passed {
			printf(&out, "::error file=%s,line=%d,title=%s::%s\n", githubValue.Replace(c.File), c.Line, githubValue.Replace(c.Name),
				githubText.Replace(fmt.Sprintf("expected %s, got %s: %s", c.Expected, c.Got, c.Reason)))
		}
	}
	if r.Coverage != nil {
		for _, u := range r.Coverage.Untested {
			printf(&out, "::notice title=untested assignment::%s\n", githubText.Replace(strings.TrimSpace(u.Name+" "+u.Principal+" at "+u.Scope)))
		}
	}
	printf(&out, "%d passed, %d failed\n", r.Passed, r.Failed)
	_, err := io.WriteString(w, out.String())
	return err
}

// printf writes what files say so that a terminal only shows it.
func printf(w io.Writer, format string, args ...any) {
	fmt.Fprintf(w, format, gatehouse.Plainly(args...)...)
}
