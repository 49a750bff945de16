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

// allowed are the types of which the reference lists only some members (policy-expressions.md 8), with those.
var allowed = map[string]string{
	"Newtonsoft.Json.JsonConvert": "SerializeObject DeserializeObject",
	"System.DateTime": ".ctor Add AddDays AddHours AddMilliseconds AddMinutes AddMonths AddSeconds AddTicks AddYears Date Day DayOfWeek DayOfYear DaysInMonth Hour IsDaylightSavingTime IsLeapYear " +
		"MaxValue Millisecond Minute MinValue Month Now Parse Second Subtract Ticks TimeOfDay Today ToString UtcNow Year",
	"System.Enum":                                                         "Parse TryParse ToString",
	"System.Net.IPAddress":                                                "AddressFamily Equals GetAddressBytes IsLoopback Parse TryParse ToString",
	"System.Text.RegularExpressions.Capture":                              "Index Length Value",
	"System.Text.RegularExpressions.CaptureCollection":                    "Count Item",
	"System.Text.RegularExpressions.Group":                                "Captures Success",
	"System.Text.RegularExpressions.GroupCollection":                      "Count Item",
	"System.Text.RegularExpressions.Match":                                "Empty Groups Result",
	"System.Text.RegularExpressions.Regex":                                ".ctor IsMatch Match Matches Replace Unescape Split",
	"System.Security.Cryptography.X509Certificates.X500DistinguishedName": "Name",
}

// TestAllowed: these types have the members that the reference lists, besides operators and what every object has, and no others; and
// the members that a file, a type or a secret could be had by are nowhere.
func TestAllowed(t *testing.T) {
	l := lib()
	ofObject := wordSet("ToString Equals GetHashCode")
	for name, list := range allowed {
		typ := l.byName(name, 0)
		if typ == nil {
			t.Errorf("no type %s", name)
			continue
		}
		want := wordSet(list)
		for member := range typ.members {
			if !want[member] && !ofObject[member] && !strings.HasPrefix(member, "op ") && !strings.HasPrefix(member, "op_") {
				t.Errorf("%s.%s is not on the list", name, member)
			}
		}
		for member := range want {
			if len(typ.members[member]) == 0 {
				t.Errorf("%s has no %s", name, member)
			}
		}
	}
	for _, typ := range l.types {
		for _, name := range []string{"GetType", "TargetSite", "CreateInstance", "ImportParameters", "ExportParameters"} {
			if len(typ.members[name]) > 0 {
				t.Errorf("%v has %s", typ, name)
			}
		}
	}
	if l.byName("System.Xml.Linq.XDocument", 0).members["Load"] != nil {
		t.Error("XDocument has Load")
	}
}
