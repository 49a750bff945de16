package gatehouse

import (
	"encoding/json"
	"strings"
	"testing"
)

const someSub = "/subscriptions/00000000-0000-0000-0000-000000000001"

func TestParseID(t *testing.T) {
	for _, c := range []struct{ text, want, typ, name, parent string }{
		{"", "/", "", "", "/"},
		{"/", "/", "", "", "/"},
		{"//", "/", "", "", "/"},
		{"/SUBSCRIPTIONS/S", "/subscriptions/S", "Microsoft.Resources/subscriptions", "S", "/"},
		{"subscriptions/S", "/subscriptions/S", "Microsoft.Resources/subscriptions", "S", "/"}, // rbac.md 6.2: the leading slash may be missing
		{"//subscriptions/S//", "/subscriptions/S", "Microsoft.Resources/subscriptions", "S", "/"},
		{someSub + "/resourcegroups/RG", someSub + "/resourceGroups/RG", "Microsoft.Resources/subscriptions/resourceGroups", "RG", someSub},
		{"/subscriptions/s/resourceGroups/rg/Providers/Microsoft.ApiManagement/service/X", "/subscriptions/s/resourceGroups/rg/providers/Microsoft.ApiManagement/service/X", "Microsoft.ApiManagement/service", "X", "/subscriptions/s/resourceGroups/rg"},
		{"/subscriptions/s/resourceGroups/rg/providers/N.S/a/1/b/2", "/subscriptions/s/resourceGroups/rg/providers/N.S/a/1/b/2", "N.S/a/b", "2", "/subscriptions/s/resourceGroups/rg/providers/N.S/a/1"},
		{"/subscriptions/s/providers/N.S/a/1/providers/Microsoft.Authorization/roleAssignments/g", "/subscriptions/s/providers/N.S/a/1/providers/Microsoft.Authorization/roleAssignments/g", "Microsoft.Authorization/roleAssignments", "g", "/subscriptions/s/providers/N.S/a/1"},
		{"/providers/Microsoft.Management/managementGroups/mg", "/providers/Microsoft.Management/managementGroups/mg", "Microsoft.Management/managementGroups", "mg", "/"},
		{"/providers/Microsoft.Management/managementGroups/mg/providers/Microsoft.Authorization/roleAssignments/g", "/providers/Microsoft.Management/managementGroups/mg/providers/Microsoft.Authorization/roleAssignments/g", "Microsoft.Authorization/roleAssignments", "g", "/providers/Microsoft.Management/managementGroups/mg"},
		{"/subscriptions/providers/resourceGroups/providers", "/subscriptions/providers/resourceGroups/providers", "Microsoft.Resources/subscriptions/resourceGroups", "providers", "/subscriptions/providers"},
	} {
		id, err := ParseID(c.text)
		if err != nil {
			t.Errorf("ParseID(%q): %v", c.text, err)
			continue
		}
		if id.String() != c.want || id.Type() != c.typ || id.Name() != c.name || id.Parent().String() != c.parent {
			t.Errorf("ParseID(%q) = %s, type %s, name %s, parent %s", c.text, id, id.Type(), id.Name(), id.Parent())
		}
	}
}

func TestParseIDRefuses(t *testing.T) {
	for _, text := range []string{
		"/x/y", "/subscriptions", "/subscriptions/s/resourceGroups", "/providers/Microsoft.ApiManagement", "/providers/a/b",
		"/subscriptions/s/providers/N.S", "/subscriptions/s/providers/N.S/a", "/subscriptions/s/providers/N.S/providers/x",
		"/subscriptions/s/resourceGroups/../x", "/subscriptions/./resourceGroups/x", "/subscriptions/a\x00b", "/subscriptions/a\\b", "/subscriptions/\xff",
		"/subscriptions/" + strings.Repeat("x", 5000), "/subscriptions/s" + strings.Repeat("/a/b", 40),
	} {
		if id, err := ParseID(text); err == nil || KindOf(err) != Invalid || id != (ID{}) {
			t.Errorf("ParseID(%.80q) = %s, %v", text, id, err)
		}
	}
}

func TestScope(t *testing.T) {
	a, b := MustScope("/Subscriptions/S/ResourceGroups/RG1"), MustScope("/subscriptions/s/resourcegroups/rg1/")
	if a != b || a.String() != "/subscriptions/s/resourcegroups/rg1" {
		t.Errorf("%s and %s differ", a, b)
	}
	for _, c := range []struct {
		outer, inner string
		want         bool
	}{
		{"/", "/", true},
		{"/", "/subscriptions/s", true},
		{"/subscriptions/s", "/", false},
		{"/subscriptions/s", "/subscriptions/S", true},
		{"/subscriptions/s/resourceGroups/rg1", "/subscriptions/s/resourceGroups/rg10", false}, // rbac.md 3.2
		{"/subscriptions/s/resourceGroups/rg1", "/subscriptions/s/resourceGroups/RG1/providers/n/a/b", true},
	} {
		if got := MustScope(c.outer).Contains(MustScope(c.inner)); got != c.want {
			t.Errorf("%s contains %s: %v", c.outer, c.inner, got)
		}
	}
}

func TestScopeParts(t *testing.T) {
	for _, c := range []struct{ text, sub, group, mg string }{
		{"/", "", "", ""},
		{"/subscriptions/S", "/subscriptions/s", "", ""},
		{"/subscriptions/S/resourceGroups/RG", "/subscriptions/s", "/subscriptions/s/resourcegroups/rg", ""},
		{"/subscriptions/S/resourceGroups/RG/providers/n/a/b", "/subscriptions/s", "/subscriptions/s/resourcegroups/rg", ""},
		{"/subscriptions/S/providers/n/a/b", "/subscriptions/s", "", ""},
		{"/providers/Microsoft.Management/managementGroups/MG", "", "", "/providers/microsoft.management/managementgroups/mg"},
		{"/providers/Microsoft.Management/managementGroups/MG/subscriptions/s", "", "", "/providers/microsoft.management/managementgroups/mg"},
		{"/providers/Microsoft.Other/managementGroups/MG", "", "", ""},
	} {
		s := MustScope(c.text)
		check := func(what, want string, got Scope, ok bool) {
			if ok != (want != "") || ok && got.String() != want {
				t.Errorf("%s of %s = %s, %v", what, s, got, ok)
			}
		}
		sub, ok := s.Subscription()
		check("subscription", c.sub, sub, ok)
		group, ok := s.ResourceGroup()
		check("resource group", c.group, group, ok)
		mg, ok := s.ManagementGroup()
		check("management group", c.mg, mg, ok)
	}
}

func TestIDText(t *testing.T) {
	var v struct {
		ID    ID
		Scope Scope
	}
	if err := json.Unmarshal([]byte(`{"ID":"/Subscriptions/S","Scope":"/Subscriptions/S"}`), &v); err != nil {
		t.Fatal(err)
	}
	if b, err := json.Marshal(v); err != nil || string(b) != `{"ID":"/subscriptions/S","Scope":"/subscriptions/s"}` {
		t.Errorf("%s, %v", b, err)
	}
	if err := json.Unmarshal([]byte(`{"Scope":"/x"}`), &v); err == nil {
		t.Error("/x is no scope")
	}
}

func TestFold(t *testing.T) {
	for in, want := range map[string]string{"": "", "abc": "abc", "ABC": "abc", "Ä": "ä", "\u212a": "\u212a", "\u0130": "\u0130", "aΣ": "aσ"} {
		if got := Fold(in); got != want {
			t.Errorf("Fold(%q) = %q", in, got)
		}
		if !EqualFold(in, want) || EqualFold(in, want+"x") || EqualFold(in+"x", want) {
			t.Errorf("EqualFold(%q, %q)", in, want)
		}
	}
	if EqualFold("k", "\u212a") {
		t.Error("the Kelvin sign is no k")
	}
}

func FuzzParseID(f *testing.F) {
	f.Add("/Subscriptions/S/resourcegroups/rg/providers/Microsoft.ApiManagement/service/x/apis/a;rev=2")
	f.Add("//providers//Microsoft.Management/managementGroups/mg/providers/Microsoft.Authorization/roleAssignments/g/")
	f.Add("/subscriptions/É\u0130\u212a/providers/a/b/c")
	f.Fuzz(func(t *testing.T, s string) {
		id, err := ParseID(s)
		if err != nil {
			return
		}
		if again, err := ParseID(id.String()); err != nil || again != id {
			t.Fatalf("%q reads as %s, which reads as %s, %v", s, id, again, err)
		}
		scope := id.Scope()
		again, err := ParseScope(scope.String())
		if err != nil || again != scope {
			t.Fatalf("%q folds to %s, which reads as %s, %v", s, scope, again, err)
		}
		if upper, err := ParseScope(asciiUpper(s)); err != nil || upper != scope {
			t.Fatalf("%q in upper case reads as %s, %v, want %s", s, upper, err, scope)
		}
		checkParents(t, id)
	})
}

func asciiUpper(s string) string {
	return strings.Map(func(r rune) rune {
		if 'a' <= r && r <= 'z' {
			return r - 'a' + 'A'
		}
		return r
	}, s)
}

// checkParents goes up to the root: every step is an ID, contains the step before it, and folds alike.
func checkParents(t *testing.T, id ID) {
	for !id.IsRoot() {
		up := id.Parent()
		if again, err := ParseID(up.String()); err != nil || again != up {
			t.Fatalf("the parent of %s is %s, which reads as %s, %v", id, up, again, err)
		}
		if len(up.String()) >= len(id.String()) && !up.IsRoot() {
			t.Fatalf("the parent of %s is %s", id, up)
		}
		if id.Scope().Parent() != up.Scope() || !up.Scope().Contains(id.Scope()) || id.Scope().Type() != Fold(id.Type()) && !strings.HasPrefix(id.Type(), "Microsoft.Resources/") {
			t.Fatalf("%s: parent %s, folded %s, type %s", id, up, id.Scope().Parent(), id.Type())
		}
		id = up
	}
}
