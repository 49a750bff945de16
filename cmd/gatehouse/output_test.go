package main

import (
	"bytes"
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"gatehouse"
	"gatehouse/jsondoc"
	"gatehouse/naming"
)

// TestOutput prints the values of testdata/output.txtar. The expected text of the cases
// named az was printed by az's own printers (knack 0.10) for the same values.
func TestOutput(t *testing.T) {
	const file = "testdata/output.txtar"
	archive, err := txtar.ParseFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var input string
	for i, f := range archive.Files {
		title, form, isCase := strings.Cut(f.Name, ", ")
		if !isCase {
			input = string(f.Data)
			continue
		}
		o := outputFlags{}
		if o.format, o.query, _ = strings.Cut(form, " "); o.query == "" && o.format == "table" {
			o.query = "@"
		}
		value, err := jsondoc.Parse([]byte(input), jsondoc.Options{})
		if err != nil {
			t.Fatal(title, err)
		}
		var out bytes.Buffer
		if err := o.print(&out, value, nil); err != nil {
			out.WriteString("ERROR: " + err.Error() + "\n")
		}
		if out.String() != string(f.Data) && !updating() {
			t.Errorf("%s\n%s\nwant\n%s", f.Name, out.String(), f.Data)
		}
		archive.Files[i].Data = out.Bytes()
	}
	if updating() {
		if err := os.WriteFile(file, txtar.Format(archive), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func TestDidYouMean(t *testing.T) {
	words := []string{"list", "show", "verify", "export", "rotate-keys"}
	for typed, want := range map[string]string{"lst": "list", "LIST": "list", "hsow": "show", "verfy": "verify", "rotatekeys": "rotate-keys", "rotate-key": "rotate-keys", "x": "", "": "", "serve": "", "delete": ""} {
		got := didYouMean(typed, words)
		if want == "" && got != "" || want != "" && !strings.Contains(got, want) {
			t.Errorf("%q: %q, want %q", typed, got, want)
		}
	}
	for _, c := range []struct {
		a, b string
		want int
	}{{"", "", 0}, {"", "abc", 3}, {"abc", "", 3}, {"abc", "acb", 1}, {"kitten", "sitting", 3}, {"ab", "ba", 1}} {
		if got := distance(c.a, c.b); got != c.want {
			t.Errorf("distance(%q, %q) = %d, want %d", c.a, c.b, got, c.want)
		}
	}
}

// TestDifference draws the difference of two documents.
func TestDifference(t *testing.T) {
	n := &naming.Names{}
	for _, c := range []struct{ name, before, after, want string }{
		{"nothing", `{"a": 1}`, `{"a": 1.0}`, "  no difference in what may be shown: a secret was written\n"},
		{"a value", `{"a": 1, "b": {"c": "x", "d": []}}`, `{"a": 1, "b": {"c": "y", "d": []}}`, "  ~ b.c  \"x\" -> \"y\"\n    (2 unchanged)\n"},
		{"another type", `{"a": {"b": 1}}`, `{"a": [1]}`, "  ~ a  {\"b\":1} -> [1]\n"},
		{"members", `{"old": {"x": 1, "y": null}}`, `{"new": [{"z": true}]}`, "  - old.x     1\n  + new[0].z  true\n"},
		{"a set", `{"l": ["a", "b", "c"]}`, `{"l": ["b", "c", "d"]}`, "  - l[]  \"a\"\n  + l[]  \"d\"\n"},
		{"an order", `{"l": ["a", "b"]}`, `{"l": ["b", "a"]}`, "  ~ l  [\"a\",\"b\"] -> [\"b\",\"a\"]\n"},
		{"objects in a list", `{"l": [{"a": 1, "b": 2}]}`, `{"l": [{"a": 1, "b": 3}, {"a": 4}]}`, "  ~ l[0].b  2 -> 3\n  + l[1].a  4\n    (1 unchanged)\n"},
		{"an escape", `{}`, `{"a": "x\u001b[31m\u202e"}`, "  + a  \"x\\u001b[31m \"\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := difference(n, &gatehouse.Change{Before: []byte(c.before), After: []byte(c.after)}); got != c.want {
				t.Errorf("\n%s\nwant\n%s", got, c.want)
			}
		})
	}
}

func TestExitCodes(t *testing.T) {
	for want, err := range map[int]error{0: nil, 1: errors.New("x"), 2: usagef("x"), 3: gatehouse.Errorf(gatehouse.NotFound, "", "x"), 4: gatehouse.Errorf(gatehouse.Unauthenticated, "", "x"),
		5: gatehouse.Errorf(gatehouse.Forbidden, "", "x"), 6: unreachable{errors.New("x")}, 7: errors.Join(gatehouse.Errorf(gatehouse.Conflict, "", "x"))} {
		if got := exitCode(err); got != want {
			t.Errorf("%v: exit code %d, want %d", err, got, want)
		}
	}
	if exitCode(gatehouse.Errorf(gatehouse.Precondition, "", "x")) != 7 {
		t.Error("a failed precondition is a conflict")
	}
}

// TestMasked: what the goldens hide is hidden, and nothing else.
func TestMasked(t *testing.T) {
	got := masked("at 2026-11-21T22:33:11.148Z 01234567-89ab-4cde-8f01-23456789abcd and 2026-11-21 22:33:11 on https://localhost:33681, 01234567-89ab-4cde-8f01-23456789abcd")
	const want = "at 2026-01-31T12:00:00.000Z 00000000-0000-0000-0000-000000000001 and 2026-01-31 12:00:00 on https://localhost:8443, 00000000-0000-0000-0000-000000000001"
	if got != want {
		t.Errorf("%s\nwant\n%s", got, want)
	}
}
