package expr

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// testBody is the body of a message in tests.
type testBody struct{ text string }

func (b *testBody) Bytes(preserve bool) ([]byte, error) {
	s := b.text
	if !preserve {
		b.text = ""
	}
	return []byte(s), nil
}

// world is the call that the cases see.
func world() *Context {
	created := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	limit := 5
	c := &Context{
		API: &API{ID: "echo", Name: "Echo", Path: "echo", Revision: "2", Version: "v1", IsCurrentRevision: true, Protocols: []string{"https"},
			ServiceURL: &URL{Scheme: "https", Host: "backend.example", Port: 443, Path: "/api"}, KeyHeader: "Ocp-Apim-Subscription-Key", KeyQuery: "subscription-key"},
		Backend:    &Backend{ID: "b1", Type: "Single", AzureRegion: "westeurope"},
		Deployment: &Deployment{Gateway: &Gateway{ID: "managed", InstanceID: "i1", IsManaged: true}, GatewayID: "managed", Region: "West Europe", ServiceID: "s1", ServiceName: "contoso.example"},
		LastError:  &LastError{Source: "validate-jwt", Reason: "TokenExpired", Message: "expired", Scope: "api", Section: "inbound", Path: "choose[1]", PolicyID: "p1"},
		Operation:  &Operation{ID: "get-item", Method: "GET", Name: "Get item", URLTemplate: "/items/{id}"},
		Product:    &Product{ID: "starter", Name: "Starter", State: "Published", ApprovalRequired: true, SubscriptionsLimit: &limit, Groups: []*Group{{"g1", "Developers"}}},
		Request: &Request{Method: "GET", IPAddress: "192.0.2.7",
			URL:               &URL{Scheme: "https", Host: "backend.example", Port: 443, Path: "/api/items/7", RawQuery: "a=1&b=x%20y&a=2"},
			OriginalURL:       &URL{Scheme: "https", Host: "gw.example", Port: 8443, Path: "/echo/items/7", RawQuery: "a=1"},
			Headers:           Headers{"X-One": {"1"}, "X-Two": {"a", "b"}, "Content-Type": {"application/json; charset=utf-8"}, "Authorization": {"Basic dXNlcjpwYXNzOndvcmQ="}},
			MatchedParameters: map[string]string{"id": "7"}, Body: &testBody{`{"name":"widget","price":12.5,"tags":["x","y"],"nested":{"n":3}}`}},
		Response:     &Response{StatusCode: 200, StatusReason: "OK", Headers: Headers{"Content-Type": {"text/plain"}}, Body: &testBody{"hello"}},
		Subscription: &Subscription{ID: "sub1", Name: "Sub one", PrimaryKey: "pk", SecondaryKey: "sk", Key: "pk", CreatedDate: &created},
		User:         &User{ID: "u1", Email: "ann@example.com", FirstName: "Ann", LastName: "Lee", Groups: []*Group{{"developers", "Developers"}, {"admins", "Administrators"}}, Identities: []*UserIdentity{{"oid-1", "Aad"}}, RegistrationDate: created},
		Workspace:    &Workspace{ID: "ws", Name: "Workspace"},
		RequestID:    [16]byte{0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef, 0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef},
		Timestamp:    created,
		Now:          func() time.Time { return created.Add(90 * time.Second) },
	}
	c.Variables.Set("s", String("text"))
	c.Variables.Set("n", Int(42))
	c.Variables.Set("flag", Bool(true))
	c.Variables.Set("none", Null)
	c.Variables.Set("auth", Object(&Authorization{AccessToken: "at", Claims: map[string]string{"sub": "ann"}}))
	c.Variables.Set("resp", Object(&Response{StatusCode: 404, StatusReason: "Not Found", Headers: Headers{}, Body: &testBody{`{"error":"gone"}`}}))
	return c
}

// outcome compiles and runs a case and says what came of it: the value with its type, the exception, or the fault.
func outcome(code string) string {
	block := strings.HasPrefix(code, "{")
	want := WantAny
	if block {
		code = strings.TrimSuffix(strings.TrimPrefix(code, "{"), "}")
	}
	p, faults := Compile(code, block, want)
	if len(faults) > 0 {
		return "fault " + faults[0].Error()
	}
	v, err := p.Run(world(), &Budget{})
	switch e := err.(type) {
	case nil:
	case *Exception:
		return "throws " + e.TypeName + ": " + e.Message
	default:
		return "stops " + e.Error()
	}
	if v.IsNull() {
		return "null"
	}
	if v.IsString() {
		return quote(v.Str())
	}
	return v.Print() + " (" + v.TypeName() + ")"
}

func quote(s string) string {
	return `"` + strings.NewReplacer("\\", `\\`, "\n", `\n`, "\r", `\r`, "\t", `\t`).Replace(s) + `"`
}

// testCase is an expression and what it has to give.
type testCase struct {
	file       string
	line       int
	code, want string
}

// cases reads testdata/*.txt. A case is one or more lines of code, and a line that begins with "=> " and says what comes of it: a text
// in quotes, null, a value with its type, "throws" with type and message, or "fault" with place and message. # begins a comment.
func cases(t testing.TB) []testCase {
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil {
		t.Fatal(err)
	}
	var list []testCase
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var code []string
		for i, line := range strings.Split(string(raw), "\n") {
			switch {
			case strings.HasPrefix(line, "=> "):
				list = append(list, testCase{file, i + 1, strings.Join(code, "\n"), strings.TrimPrefix(line, "=> ")})
				code = nil
			case strings.HasPrefix(line, "#"), len(code) == 0 && strings.TrimSpace(line) == "":
			default:
				code = append(code, line)
			}
		}
		if len(code) > 0 {
			t.Errorf("%s: the last case says not what comes of it", file)
		}
	}
	return list
}

func TestCases(t *testing.T) {
	for _, c := range cases(t) {
		if *update {
			rewriteCase(t, c)
			continue
		}
		if got := outcome(c.code); got != c.want {
			t.Errorf("%s:%d: %s\n  gives %s\n  want  %s", c.file, c.line, c.code, got, c.want)
		}
	}
}

// rewriteCase puts what comes of a case into its file; the diff is the review.
func rewriteCase(t *testing.T, c testCase) {
	raw, err := os.ReadFile(c.file)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(string(raw), "\n")
	lines[c.line-1] = "=> " + outcome(c.code)
	if err := os.WriteFile(c.file, []byte(strings.Join(lines, "\n")), 0o644); err != nil {
		t.Fatal(err)
	}
}
