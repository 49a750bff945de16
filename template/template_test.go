package template

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"gatehouse"
	"gatehouse/jsondoc"

	"github.com/rogpeppe/go-internal/txtar"
)

var update = flag.Bool("update", false, "rewrite the expected parts of testdata")

const (
	testSub   = "/subscriptions/11111111-1111-1111-1111-111111111111"
	testGroup = testSub + "/resourceGroups/rg"
)

func testEnv(scope gatehouse.ID) Env {
	env := Env{
		Scope:       scope,
		Tenant:      jsondoc.NewObject("tenantId", "99999999-9999-9999-9999-999999999999"),
		Deployment:  jsondoc.NewObject("name", "main"),
		Deployer:    jsondoc.NewObject("objectId", "88888888-8888-8888-8888-888888888888"),
		Environment: jsondoc.NewObject("name", "Gatehouse"),
		Now:         time.Date(2026, 1, 31, 12, 30, 5, 0, time.UTC),
		NewGUID:     func() gatehouse.GUID { return gatehouse.MustGUID("77777777-7777-7777-7777-777777777777") },
		Providers: func(namespace, kind string) (Value, bool) {
			return jsondoc.NewObject("resourceType", kind), sameText(namespace, "Microsoft.ApiManagement")
		},
	}
	if sub := nameAt(scope, "subscriptions"); sub != "" {
		env.Subscription = jsondoc.NewObject("id", "/subscriptions/"+sub, "subscriptionId", sub)
	}
	if group := nameAt(scope, "resourceGroups"); group != "" {
		env.ResourceGroup = jsondoc.NewObject("id", scope.String(), "name", group, "location", "westeurope")
	}
	return env
}

// world is a Resolver that knows what has been written, and runs plans as a deployment would.
type world struct {
	resources map[gatehouse.Scope]*jsondoc.Object
	out       bytes.Buffer
}

func (w *world) Reference(id gatehouse.ID, apiVersion string) (*jsondoc.Object, error) {
	if o := w.resources[id.Scope()]; o != nil {
		return o, nil
	}
	return nil, gatehouse.Errorf(gatehouse.NotFound, "ResourceNotFound", "The resource '%s' (%s) was not found.", id, apiVersion)
}

func (w *world) List(id gatehouse.ID, action, apiVersion string, body Value) (Value, error) {
	if w.resources[id.Scope()] == nil {
		return nil, gatehouse.Errorf(gatehouse.Forbidden, "AuthorizationFailed", "no right to %s", action)
	}
	return jsondoc.NewObject("key", action+" of "+id.Name()+" "+apiVersion, "body", body), nil
}

func (w *world) deploy(t *Template, params *jsondoc.Object, env Env, indent string) (*jsondoc.Object, error) {
	plan, err := t.Plan(params, env)
	if err != nil {
		return nil, err
	}
	if p := plan.Parameters(); p.Len() > 0 {
		fmt.Fprintf(&w.out, "%sparameters %s\n", indent, jsondoc.Marshal(p))
	}
	for i, s := range plan.Steps {
		fmt.Fprintf(&w.out, "%s%d %s %s %v", indent, i, s.ID, s.APIVersion, s.DependsOn)
		if s.Existing {
			fmt.Fprintln(&w.out, " existing")
			continue
		}
		preview, err := s.Preview()
		if err != nil {
			return nil, err
		}
		body, err := s.Body(w)
		if err != nil {
			return nil, err
		}
		written := jsondoc.NewObject("id", s.ID.String(), "properties", &jsondoc.Object{})
		jsondoc.Merge(written, body)
		if s.IsDeployment() {
			fmt.Fprintln(&w.out)
			nested, err := s.Nested(w)
			if err != nil {
				return nil, err
			}
			inner := testEnv(nested.Scope)
			outputs, err := w.deploy(nested.Template, nested.Parameters, inner, indent+"  ")
			if err != nil {
				return nil, err
			}
			written.SetPath("properties.outputs", outputs)
		} else {
			fmt.Fprintf(&w.out, " %s\n", jsondoc.Marshal(body))
			if !jsondoc.Equal(preview, body) {
				fmt.Fprintf(&w.out, "%s  before: %s\n", indent, jsondoc.Marshal(preview))
			}
		}
		w.resources[s.ID.Scope()] = written
	}
	outputs, err := plan.Outputs(w)
	if err == nil && outputs.Len() > 0 {
		fmt.Fprintf(&w.out, "%soutputs %s\n", indent, jsondoc.Marshal(outputs))
	}
	return outputs, err
}

// TestCases runs testdata/plans/*.txtar: a template, optional parameters, scope and
// resources that exist; and what comes of it.
func TestCases(t *testing.T) {
	files, _ := filepath.Glob("testdata/plans/*.txtar")
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			archive, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			parts := map[string][]byte{}
			for _, f := range archive.Files {
				parts[f.Name] = f.Data
			}
			got := runCase(t, parts)
			if got == string(parts["want"]) {
				return
			}
			if !*update {
				t.Fatalf("got:\n%s\nwant:\n%s", got, parts["want"])
			}
			var kept []txtar.File
			for _, f := range archive.Files {
				if f.Name != "want" {
					kept = append(kept, f)
				}
			}
			archive.Files = append(kept, txtar.File{Name: "want", Data: []byte(got)})
			if err := os.WriteFile(file, txtar.Format(archive), 0o644); err != nil {
				t.Fatal(err)
			}
		})
	}
}

func runCase(t *testing.T, parts map[string][]byte) string {
	object := func(name string) *jsondoc.Object {
		if parts[name] == nil {
			return &jsondoc.Object{}
		}
		o, err := jsondoc.ParseObjectWith(parts[name], jsondoc.Options{Relaxed: true})
		if err != nil {
			t.Fatal(name, err)
		}
		return o
	}
	scope := gatehouse.MustID(testGroup)
	if parts["scope"] != nil {
		scope = gatehouse.MustID(strings.TrimSpace(string(parts["scope"])))
	}
	w := &world{resources: map[gatehouse.Scope]*jsondoc.Object{}}
	for id, v := range object("exists").All() {
		w.resources[gatehouse.MustScope(id)] = v.(*jsondoc.Object)
	}
	template, err := Parse(object("template"))
	if err == nil {
		_, err = w.deploy(template, object("parameters"), testEnv(scope), "")
	}
	var e *gatehouse.Error
	if errors.As(err, &e) {
		fmt.Fprintf(&w.out, "error %s\n", e.Error())
		for _, d := range e.Details {
			fmt.Fprintf(&w.out, "  %s\n", d.Error())
		}
	} else if err != nil {
		t.Fatalf("an error that is no *gatehouse.Error: %v", err)
	}
	return w.out.String()
}

// TestFunctions runs testdata/functions.txt: an expression, =>, and its value or
// a part of its error. Every function of the table has to occur.
func TestFunctions(t *testing.T) {
	data, err := os.ReadFile("testdata/functions.txt")
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{"list": true}
	for i, line := range strings.Split(string(data), "\n") {
		if line = strings.TrimSpace(line); line == "" || line[0] == '#' {
			continue
		}
		expression, want, ok := strings.Cut(line, " => ")
		if !ok {
			t.Fatalf("line %d has no =>", i+1)
		}
		v, err := evaluate(expression, seen)
		if part, isError := strings.CutPrefix(want, "error: "); isError {
			if err == nil || !strings.Contains(err.Error(), part) {
				t.Errorf("line %d: %s gave %s, %v; want error %s", i+1, expression, clip(string(jsondoc.Marshal(v))), err, part)
			}
			continue
		}
		if got := string(jsondoc.Marshal(v)); err != nil || got != want {
			t.Errorf("line %d: %s gave %s, %v; want %s", i+1, expression, clip(got), err, want)
		}
	}
	for _, r := range table() {
		if !seen[gatehouse.Fold(r.name)] {
			t.Errorf("%s has no case in testdata/functions.txt", r.name)
		}
	}
}

func evaluate(expression string, seen map[string]bool) (Value, error) {
	doc, err := jsondoc.ParseObject([]byte(`{"$schema":"https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#",
"contentVersion":"1.0.0.0","languageVersion":"2.0","parameters":{"s":{"type":"string","defaultValue":"text"},"secret":{"type":"secureString","defaultValue":"hunter2"},
"now":{"type":"string","defaultValue":"[utcNow('yyyy-MM-dd HH:mm')]"},"new":{"type":"string","defaultValue":"[newGuid()]"}},
"variables":{"v":{"a":[1,2,3],"B":"x"},"dogs":[{"name":"Evie","age":5},{"name":"Indy","age":2},{"name":"Kira","age":8}]},
"resources":{"svc":{"type":"Microsoft.ApiManagement/service","name":"apim","apiVersion":"2024-05-01","existing":true}}}`))
	if err != nil {
		return nil, err
	}
	t, err := Parse(doc)
	if err != nil {
		return nil, err
	}
	n, err := t.expression("[" + expression + "]")
	if err != nil {
		return nil, err
	}
	if err := t.check(n, false); err != nil {
		return nil, err
	}
	note(n, seen)
	plan, err := t.Plan(nil, testEnv(gatehouse.MustID(testGroup)))
	if err != nil {
		return nil, err
	}
	id := gatehouse.MustID(testGroup + "/providers/Microsoft.ApiManagement/service/apim")
	w := &world{resources: map[gatehouse.Scope]*jsondoc.Object{id.Scope(): jsondoc.NewObject("id", id.String(), "properties", jsondoc.NewObject("p", 1))}}
	where := inOutput
	if seen == nil {
		where = inBody
	}
	f := &frame{run: plan.run, where: where, resolve: w, loops: []loop{{name: "loop", index: 4}}}
	return f.eval(n)
}

func note(n *node, seen map[string]bool) {
	if n.kind == function && n.namespace == "" && seen != nil {
		seen[gatehouse.Fold(n.text)] = true
	}
	for _, arg := range n.args {
		note(arg, seen)
	}
}
