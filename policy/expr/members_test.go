package expr

import (
	"encoding/csv"
	"flag"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write golden files instead of comparing with them")

var operatorNames = map[string]string{
	"op_Equality": "op ==", "op_Inequality": "op !=", "op_Addition": "op +", "op_Subtraction": "op -", "op_GreaterThan": "op >",
	"op_GreaterThanOrEqual": "op >=", "op_LessThan": "op <", "op_LessThanOrEqual": "op <=",
}

// built says which members the language itself makes: no table has them.
var built = map[string]bool{
	"System.Nullable<T>.(constructor)": true, "System.Collections.Generic.Dictionary<K,V>/Enumerator.Current": true,
	"System.Collections.Generic.Dictionary<K,V>/Enumerator.MoveNext": true, "System.Collections.Generic.Dictionary<K,V>.GetEnumerator": true,
	"System.Collections.Generic.IEnumerable<T>.GetEnumerator": true, "System.Collections.Generic.IEnumerator<T>.Current": true,
	"System.String.Concat": true, "System.String.op_Equality": true, "System.String.op_Inequality": true, "System.String.Format": true,
	"System.Text.RegularExpressions.MatchCollection.GetEnumerator": true, "Newtonsoft.Json.Linq.JArray.GetEnumerator": true,
	"System.Nullable<T>.HasValue": true,
}

// TestMembers: each of the members that published documents use (policy-expressions.md 6) stands in a table, and a case in testdata
// uses it.
func TestMembers(t *testing.T) {
	used := map[*member]bool{}
	for _, c := range cases(t) {
		block := strings.HasPrefix(c.code, "{")
		code := c.code
		if block {
			code = strings.TrimSuffix(strings.TrimPrefix(code, "{"), "}")
		}
		compile(code, block, WantAny, func(m *member) { used[m] = true })
	}
	f, err := os.Open("testdata/members.csv")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	rows, err := csv.NewReader(f).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	if len(rows) < 319 {
		t.Fatalf("members.csv has %d rows", len(rows))
	}
	for _, row := range rows[1:] {
		typ, name, kind := row[0], row[1], row[2]
		found := membersNamed(typ, name, kind)
		switch {
		case built[typ+"."+name]:
		case len(found) == 0:
			t.Errorf("%s.%s (%s) is in no table", typ, name, kind)
		case !slices.ContainsFunc(found, func(m *member) bool { return used[m] }):
			t.Errorf("%s.%s (%s) is in no case", typ, name, kind)
		}
	}
}

var generics = regexp.MustCompile(`<([A-Z],?)+>`)

// membersNamed finds the rows of the tables that a line of the count may mean.
func membersNamed(typ, name, kind string) []*member {
	l := lib()
	if typ == "(gateway extension method)" {
		if name == "ContainsKey" { // what a type has itself goes before an extension of the name
			return readOnlyDict.definition().members[name]
		}
		return l.extensions[name]
	}
	arity := 0
	if g := generics.FindString(typ); g != "" {
		arity = strings.Count(g, ",") + 1
		typ = strings.Replace(typ, g, "", 1)
	}
	t := l.byName(typ, arity)
	if t == nil {
		return nil
	}
	if op := operatorNames[name]; op != "" {
		name = op
	}
	if name == "(constructor)" {
		name = ".ctor"
	}
	if name == "Chars" {
		name = "Item"
	}
	var list []*member
	for s := t; s != nil; s = s.base() {
		for _, m := range s.definition().members[name] {
			if kind != "set" || m.canSet {
				list = append(list, m)
			}
		}
		for _, i := range s.interfaces() {
			list = append(list, i.definition().members[name]...)
		}
	}
	return list
}

// TestTables: every signature of the tables can be read, and says what its row is.
func TestTables(t *testing.T) {
	n := 0
	for _, typ := range lib().types {
		for _, list := range typ.members {
			n += len(list)
			for _, m := range list {
				if m.ret == nil && m.kind != mConstructor {
					t.Errorf("%s of %v has no type", m.sig, typ)
				}
				if m.canSet && m.set == nil {
					t.Errorf("%s of %v cannot be set", m.sig, typ)
				}
			}
		}
	}
	t.Logf("%d types, %d members", len(lib().types), n)
}
