package cond

import (
	"os"
	"strings"
	"testing"
	"time"

	"gatehouse"
)

func TestBuiltinConditionsParse(t *testing.T) {
	b, err := os.ReadFile("testdata/builtin.txt")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(b)) {
		if line = strings.TrimSpace(line); line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		c, err := Parse(line)
		if err != nil {
			t.Errorf("Parse(%q): %v", line, err)
			continue
		}
		if problems := c.Check(); len(problems) > 0 {
			t.Errorf("Check(%q) = %v", line, problems)
		}
	}
}

func TestErrors(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"", `line 1, column 1: expected an attribute such as @Request[name], a value, ActionMatches, Exists, NOT or (, found the end`},
		{"@Request[a]", `line 1, column 12: expected an operator such as StringEquals, GuidEquals or ForAnyOfAnyValues:GuidEquals, found the end`},
		{"@Request[a] Equals 'x'", `line 1, column 13: expected an operator such as StringEquals, GuidEquals or ForAnyOfAnyValues:GuidEquals, found "Equals"`},
		{"@Request[a] StringContains 'x'", `line 1, column 13: expected an operator`}, // not documented for Azure, rbac.md 7.7
		{"@Request[a] StringEquals x", `line 1, column 26: expected a value, a set { } or an attribute after StringEquals, found "x"`},
		{"@Request[a] StringEquals 'x", `line 1, column 26: this string has no closing quote`},
		{"@Request[a] ForAnyOfAnyValues:StringStartsWith 'x'", `line 1, column 31: StringStartsWith cannot stand behind ForAnyOfAnyValues; use it alone`},
		{"@Request[a] ForAnyOfAnyValues StringEquals 'x'", `line 1, column 31: expected : and an operator after ForAnyOfAnyValues, found "StringEquals"`},
		{"@Nobody[a] StringEquals 'x'", `line 1, column 2: expected Environment, Principal, Request or Resource after @, found "Nobody"`},
		{"@Request StringEquals 'x'", `line 1, column 10: expected [ and the name of an attribute after @Request`},
		{"@Request[ ] StringEquals 'x'", `line 1, column 10: expected the name of an attribute between [ and ]`},
		{"@Request[a StringEquals 'x'", `line 1, column 9: this [ has no closing ]`},
		{"(ActionMatches{'a'}", `line 1, column 20: expected AND, OR or the ) that closes this group, found the end`},
		{"ActionMatches('a')", `line 1, column 14: expected { after ActionMatches, found "("`},
		{"ActionMatches{a}", `line 1, column 15: expected a string in single quotes inside ActionMatches{ }, found "a"`},
		{"ActionMatches{'a','b'}", `line 1, column 18: expected } to close ActionMatches{, found ","`},
		{"ActionMatches{'a'}\nAND\n  ActionMatches{'b'} x", `line 3, column 22: expected AND, OR or the end, found "x"`},
		{"Exists 'a'", `line 1, column 8: expected an attribute such as @Resource[name] after Exists, found the string 'a'`},
		{"@Request[é] StringEquals \"x\"", `line 1, column 26: the character '"' has no meaning here; strings are written in single quotes`},
		{"@Request[a] GuidEquals {}", `line 1, column 25: expected a value of the set: a string in single quotes, an integer, true, false or a GUID, found "}"`},
		{"@Request[a] GuidEquals {'x' 'y'}", `line 1, column 29: expected , or the } that closes the set, found the string 'y'`},
		{strings.Repeat("(", 65) + "x", `line 1, column 66: the condition nests deeper than 64 levels`},
		{strings.Repeat("!", 9000), `line 1, column 1: the condition is longer than 8 KB`},
	} {
		_, err := Parse(c.text)
		if err == nil || !strings.HasPrefix(err.Error(), c.want) {
			t.Errorf("Parse(%.60q) = %v\nwant %s", c.text, err, c.want)
		}
	}
}

const guid1, guid2 = "11111111-1111-1111-1111-111111111111", "22222222-2222-2222-2222-222222222222"

func TestEval(t *testing.T) {
	e := &Env{
		Action: "Microsoft.Authorization/roleAssignments/write", SubOperation: "Blob.List", Now: time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC),
		Attributes: &gatehouse.Attributes{
			Request: map[string]any{"ns/roleAssignments:RoleDefinitionId": gatehouse.MustGUID(guid1), "PrincipalType": "User", "text": "11111111111111111111111111111111",
				"many": []any{"a", "b"}, "none": []any{}, "one": []any{"a"}, "number": int64(5), "on": true, "null": nil},
			Resource: map[string]any{"tags:Project": "X", "tags:project2": "y", "path": "a/b*c"},
		},
	}
	for _, c := range []struct {
		text string
		want Outcome
	}{
		// 7.2: keywords, sources, operators and attribute names compare without case; { may touch the operator.
		{"@REQUEST[NS/roleassignments:roledefinitionid] guidequals{11111111111111111111111111111111}", True},
		{"@Request[ns/roleAssignments:RoleDefinitionId] ForAnyOfAnyValues:GuidEquals {" + guid2 + ", " + guid1 + "}", True},
		{"{'User','Group'} ForAnyOfAnyValues:StringEquals @Request[PrincipalType]", True},
		{"@Resource[tags:project<$key_case_sensitive$>] StringEquals 'X'", False},
		{"@Resource[TAGS:Project<$key_case_sensitive$>] StringEquals 'X'", True},
		// 7.2: AND binds tighter than OR.
		{"ActionMatches{'*'} OR ActionMatches{'*'} AND ActionMatches{'x'}", True},
		{"(ActionMatches{'*'} OR ActionMatches{'*'}) AND ActionMatches{'x'}", False},
		{"NOT ActionMatches{'x'} AND ActionMatches{'y'}", False},
		// 7.3
		{"@Resource[path] StringLike 'a/?\\*c'", True},
		{"@Resource[path] StringLike 'a\\*'", False},
		{"@Resource[path] StringNotLike 'A*'", True},
		{"@Resource[path] StringLikeIgnoreCase 'A*C'", True},
		{"@Resource[path] StringStartsWithIgnoreCase 'A/B'", True},
		{"@Request[PrincipalType] StringEquals 'user'", False},
		{"@Request[PrincipalType] StringEqualsIgnoreCase 'user'", True},
		{"@Request[number] NumericGreaterThanEquals 5", True},
		{"@Request[number] NumericLessThan -5", False},
		{"@Request[on] BoolEquals true", True},
		{"@Request[on] boolnotequals FALSE", True},
		{"@Environment[UtcNow] DateTimeGreaterThan '2026-05-01T11:59:59.9999999Z'", True},
		{"@Environment[utcnow] DateTimeEquals '2026-05-01T14:00:00+02:00'", True},
		// 7.4: functions
		{"ActionMatches{'microsoft.authorization/*/write'}", True},
		{"SubOperationMatches{'blob.list'}", True},
		// 7.4: missing attributes
		{"@Request[missing] StringEquals 'v'", False},
		{"@Request[missing] StringNotEquals 'v'", False},
		{"@Request[missing] ForAllOfAllValues:StringNotEquals {'v'}", False},
		{"Exists @Request[missing]", False},
		{"Exists @Request[null]", False},
		{"NOT Exists @Request[missing]", True},
		{"@Request[missing] StringEquals 'v' OR NOT Exists @Request[missing]", True},
		// 7.4: quantifiers
		{"@Request[many] ForAnyOfAnyValues:StringEquals {'b','c'}", True},
		{"@Request[many] ForAllOfAnyValues:StringEquals {'b','c'}", False},
		{"@Request[many] ForAllOfAnyValues:StringEquals {'b','a','c'}", True},
		{"@Request[many] ForAnyOfAllValues:StringNotEquals {'b','c'}", True},
		{"@Request[many] ForAllOfAllValues:StringNotEquals {'b','c'}", False},
		{"@Request[none] ForAllOfAnyValues:StringEquals {'a'}", True},
		{"@Request[none] ForAnyOfAnyValues:StringEquals {'a'}", False},
		// 7.4: the trap and the right way
		{"@Request[ns/roleAssignments:RoleDefinitionId] ForAnyOfAnyValues:GuidNotEquals {" + guid1 + ", " + guid2 + "}", True},
		{"@Request[ns/roleAssignments:RoleDefinitionId] ForAnyOfAllValues:GuidNotEquals {" + guid1 + ", " + guid2 + "}", False},
		// 7.4: plain operators with sets and lists
		{"@Request[PrincipalType] StringEquals {'Group','User'}", True},
		{"@Request[PrincipalType] StringNotEquals {'Group','User'}", False},
		{"@Request[PrincipalType] StringNotEquals {'Group','Device'}", True},
		{"@Request[many] StringEquals 'a'", False},
		{"@Request[many] StringNotEquals 'c'", False},
		{"@Request[one] StringEquals 'a'", True},
		{"'a' StringEquals @Request[many]", True},
		// 7.4: type errors make the whole condition false, unless short circuit keeps away from them
		{"@Request[PrincipalType] GuidEquals " + guid1, Fault},
		{"!(@Request[PrincipalType] GuidEquals " + guid1 + ")", Fault},
		{"@Request[PrincipalType] GuidEquals " + guid1 + " OR ActionMatches{'*'}", Fault},
		{"ActionMatches{'*'} OR @Request[PrincipalType] GuidEquals " + guid1, True},
		{"ActionMatches{'x'} AND @Request[PrincipalType] GuidEquals " + guid1, False},
		{"@Environment[UtcNow] DateTimeLessThan 'tomorrow'", Fault},
		{"@Environment[UtcNow] StringEquals 'x'", Fault},
		{"@Request[text] GuidEquals " + guid1, True},
		{"@Request[number] StringEquals '5'", Fault},
	} {
		p, err := Parse(c.text)
		if err != nil {
			t.Errorf("Parse(%q): %v", c.text, err)
			continue
		}
		if got := p.Eval(e); got != c.want {
			t.Errorf("Eval(%q) = %v, want %v", c.text, got, c.want)
		}
	}
}

// The template that lets somebody assign only some roles to users and groups (rbac.md 7.8).
const delegation = `((!(ActionMatches{'Microsoft.Authorization/roleAssignments/write'})) OR
 (@Request[Microsoft.Authorization/roleAssignments:RoleDefinitionId] ForAnyOfAnyValues:GuidEquals {` + guid2 + ", " + guid1 + `} AND
  @Request[Microsoft.Authorization/roleAssignments:PrincipalType] ForAnyOfAnyValues:StringEqualsIgnoreCase {'user', 'group'}))
AND
((!(ActionMatches{'Microsoft.Authorization/roleAssignments/delete'})) OR
 (@Resource[Microsoft.Authorization/roleAssignments:RoleDefinitionId] ForAnyOfAnyValues:GuidEquals {` + guid2 + `}))`

func delegationEnv() *Env {
	return &Env{Action: "Microsoft.Authorization/roleAssignments/write", Attributes: &gatehouse.Attributes{Request: map[string]any{
		"Microsoft.Authorization/roleAssignments:RoleDefinitionId": gatehouse.MustGUID(guid1),
		"Microsoft.Authorization/roleAssignments:PrincipalType":    "User",
	}}}
}

func TestEvalAllocatesNothing(t *testing.T) {
	c, err := Parse(delegation)
	if err != nil {
		t.Fatal(err)
	}
	e := delegationEnv()
	if n := testing.AllocsPerRun(100, func() {
		if c.Eval(e) != True {
			t.Fatal("the delegation should hold")
		}
	}); n != 0 {
		t.Errorf("Eval allocates %v times", n)
	}
}

func TestTrace(t *testing.T) {
	c, err := Parse("ActionMatches{'*'} AND (@Request[a] StringEquals 'x' OR @Resource[b] GuidEquals 'x') AND Exists @Request[c]")
	if err != nil {
		t.Fatal(err)
	}
	e := &Env{Action: "A/read", Attributes: &gatehouse.Attributes{Request: map[string]any{"a": "y"}}}
	trace := c.Trace(e)
	group := trace.Parts[1]
	if trace.Outcome != Fault || group.Outcome != Fault || group.Parts[0].Seen[0] != (Seen{"@Request[a]", "'y'", false}) {
		t.Errorf("trace = %+v, group %+v", trace, group)
	}
	if want := "'x' is not a GUID, which GuidEquals compares"; group.Parts[1].Note != want {
		t.Errorf("note = %q, want %q", group.Parts[1].Note, want)
	}
	if !trace.Parts[2].Skipped || group.Text != "(@Request[a] StringEquals 'x' OR @Resource[b] GuidEquals 'x')" {
		t.Errorf("parts = %+v, %q", trace.Parts[2], group.Text)
	}
	if missing := trace.Missing(); len(missing) != 1 || missing[0] != "@Resource[b]" {
		t.Errorf("Missing() = %q", missing)
	}
}

func TestCheck(t *testing.T) {
	for text, want := range map[string]string{
		"Exists @Request[a] OR Exists @Request[b] AND Exists @Request[c]":            "AND and OR are mixed",
		"Exists @Request[a] OR (Exists @Request[b] AND Exists @Request[c])":          "",
		"@Request[a] GuidEquals 'nobody'":                                            "'nobody' is not a GUID",
		"@Request[a] ForAnyOfAnyValues:GuidNotEquals {" + guid1 + ", " + guid2 + "}": "write ForAnyOfAllValues:GuidNotEquals",
		"@Request[a] ForAnyOfAllValues:GuidNotEquals {" + guid1 + ", " + guid2 + "}": "",
		"@Request[a] NumericEquals '5'":                                              "'5' is not an integer",
	} {
		c, err := Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		problems := c.Check()
		if want == "" && len(problems) > 0 || want != "" && (len(problems) != 1 || !strings.Contains(problems[0].Message, want)) {
			t.Errorf("Check(%q) = %v, want %q", text, problems, want)
		}
	}
}

func BenchmarkEvalDelegation(b *testing.B) {
	c, err := Parse(delegation)
	if err != nil {
		b.Fatal(err)
	}
	e := delegationEnv()
	b.ReportAllocs()
	for b.Loop() {
		c.Eval(e)
	}
}
