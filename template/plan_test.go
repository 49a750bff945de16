package template

import (
	"path/filepath"
	"runtime/debug"
	"strings"
	"testing"

	"gatehouse"
	"gatehouse/jsondoc"

	"github.com/rogpeppe/go-internal/txtar"
)

const schema = `"$schema": "https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#", "contentVersion": "1.0.0.0", `

func planOf(t testing.TB, body string) (*Plan, error) {
	t.Helper()
	doc, err := jsondoc.ParseObject([]byte("{" + schema + body + "}"))
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := Parse(doc)
	if err != nil {
		return nil, err
	}
	return parsed.Plan(nil, testEnv(gatehouse.MustID(testGroup)))
}

// az puts the file into its request as it is: lines and columns are those of the file.
func TestPositionsAreThoseOfTheTemplate(t *testing.T) {
	body := `{"properties": {"mode": "Incremental", template:{` + schema + `
  // a comment
  "resources": [
    {"type": "Microsoft.A/b", "apiVersion": "1", "name": "a",
      "properties": {"p": "[int('x')]"}}
  ]
}}}`
	doc, err := jsondoc.ParseObjectWith([]byte(body), jsondoc.Options{Relaxed: true})
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := Parse(doc.Object("properties.template"))
	if err != nil {
		t.Fatal(err)
	}
	_, err = parsed.Plan(nil, testEnv(gatehouse.MustID(testGroup)))
	if err == nil || !strings.Contains(err.Error(), "line '5' and column '22'") {
		t.Errorf("got %v", err)
	}
	e := err.(*gatehouse.Error)
	if e.Target != "resources[0].properties.p" || e.Kind != gatehouse.Invalid {
		t.Errorf("target %q, kind %v", e.Target, e.Kind)
	}
	doc, _ = jsondoc.ParseObjectWith([]byte(`{template:{"x": 1}}`), jsondoc.Options{Relaxed: true})
	if _, err = Parse(doc.Object("template")); err == nil || !strings.Contains(err.Error(), "Line '1' and column '2'") {
		t.Errorf("on the first line: %v", err)
	}
}

// What is shown of a secret before writing is the expression, also by way of variables.
func TestPreviewShowsNoSecret(t *testing.T) {
	plan, err := planOf(t, `"parameters": {"s": {"type": "secureString", "defaultValue": "hunter2"}, "o": {"type": "secureObject", "defaultValue": {"k": "hunter2"}}},
		"variables": {"v": "[concat('x', parameters('s'))]", "w": {"inner": "[variables('v')]", "plain": 1}, "plain": "p"},
		"resources": [{"type": "Microsoft.A/b", "apiVersion": "1", "name": "a", "properties": {
			"s": "[parameters('s')]", "o": "[parameters('o').k]", "v": "[variables('v')]", "w": "[variables('w')]", "plain": "[variables('plain')]",
			"u": "[toUpper(variables('v'))]", "copy": [{"name": "c", "count": "[length(parameters('s'))]", "input": "[variables('v')]"}]}}]`)
	if err != nil {
		t.Fatal(err)
	}
	preview, err := plan.Steps[0].Preview()
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.ToLower(string(jsondoc.Marshal(preview))); strings.Contains(got, "hunter2") || !strings.Contains(got, `"plain":"p"`) {
		t.Errorf("preview shows %s", got)
	}
	body, err := plan.Steps[0].Body(&world{})
	if err != nil || body.String("properties.u") != "XHUNTER2" || len(body.Array("properties.c")) != 7 {
		t.Errorf("body is %s, %v", jsondoc.Marshal(body), err)
	}
	if got := string(jsondoc.Marshal(plan.Parameters())); strings.Contains(got, "hunter2") {
		t.Errorf("parameters show %s", got)
	}
}

// A few lines must not buy unbounded time or memory.
func TestEvaluationIsBounded(t *testing.T) {
	doubling := `"resources": [], "variables": {"v0": {"a": "x"}`
	params := `"resources": [], "parameters": {"v0": {"type": "object", "defaultValue": {"a": "x"}}`
	for i := range 60 {
		ref := string(rune('0'+i/10)) + string(rune('0'+i%10))
		prev, next := "v"+ref, "v"+string(rune('0'+(i+1)/10))+string(rune('0'+(i+1)%10))
		if i == 0 {
			prev = "v0"
		}
		doubling += `, "` + next + `": {"l": "[variables('` + prev + `')]", "r": "[variables('` + prev + `')]"}`
		params += `, "` + next + `": {"type": "object", "defaultValue": {"l": "[parameters('` + prev + `')]", "r": "[parameters('` + prev + `')]"}}`
	}
	for name, body := range map[string]string{
		"variables":  doubling + `}, "outputs": {"o": {"type": "object", "value": "[variables('v60')]"}}`,
		"parameters": params + `}`,
		"copies": `"resources": [], "variables": {"v": {"copy": [{"name": "a", "count": 800, "input": {"copy": [{"name": "b", "count": 800, "input":
			{"copy": [{"name": "c", "count": 800, "input": 1}]}}]}}]}}, "outputs": {"o": {"type": "object", "value": "[variables('v')]"}}`,
		"replace": `"resources": [], "variables": {"s": "[replace(padLeft('', 10000, 'a'), 'a', padLeft('', 10000, 'a'))]"}, "outputs": {"o": {"type": "string", "value": "[variables('s')]"}}`,
		"join":    `"resources": [], "variables": {"s": "[join(map(range(0, 10000), lambda('i', padLeft('', 10000, 'a'))), '')]"}, "outputs": {"o": {"type": "string", "value": "[variables('s')]"}}`,
		"union":   `"resources": [], "outputs": {"o": {"type": "array", "value": "[union(range(0, 10000), range(10000, 10000))]"}}`,
		"flatten": `"resources": [], "outputs": {"o": {"type": "array", "value": "[flatten(map(range(0, 10000), lambda('i', range(0, 10000))))]"}}`,
	} {
		t.Run(name, func(t *testing.T) {
			plan, err := planOf(t, body)
			if err == nil {
				_, err = plan.Outputs(&world{})
			}
			if gatehouse.KindOf(err) != gatehouse.Invalid {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestHash(t *testing.T) {
	one, _ := jsondoc.ParseObject([]byte("{" + schema + `"resources": []}`))
	two, _ := jsondoc.ParseObject([]byte("{" + schema + ` "resources" : [ ] }`))
	a, err := Parse(one)
	b, err2 := Parse(two)
	if err != nil || err2 != nil || a.Hash() != b.Hash() || a.Hash() == "" {
		t.Errorf("%v %v", err, err2)
	}
}

func TestDiff(t *testing.T) {
	object := func(s string) *jsondoc.Object {
		o, err := jsondoc.ParseObject([]byte(s))
		if err != nil {
			t.Fatal(err)
		}
		return o
	}
	serverSide := func(path string) bool { return path == "properties.createdAt" || path == "etag" }
	for _, c := range []struct{ before, after, want, kind string }{
		{`{"a":1}`, `{"A":1.0}`, `null`, ChangeNone},
		{`{"sku":{"name":"Basic","capacity":1}}`, `{"sku":{"name":"Premium","capacity":1}}`,
			`[{"path":"sku.name","propertyChangeType":"Modify","before":"Basic","after":"Premium","children":null}]`, ChangeModify},
		{`{"properties":{"x":1,"createdAt":"now"},"etag":"1"}`, `{"properties":{"y":[1]}}`,
			`[{"path":"properties.x","propertyChangeType":"Delete","before":1,"after":null,"children":null},{"path":"properties.y","propertyChangeType":"Create","before":null,"after":[1],"children":null}]`, ChangeModify},
		{`{}`, `{"etag":"2","n":null}`, `[{"path":"etag","propertyChangeType":"NoEffect","before":null,"after":"2","children":null}]`, ChangeNone},
		{`{"l":[1,{"a":1,"b":2},3]}`, `{"l":[1,{"a":2,"b":2}]}`,
			`[{"path":"l","propertyChangeType":"Array","before":null,"after":null,"children":[{"path":"1","propertyChangeType":"Modify","before":null,"after":null,"children":[{"path":"a","propertyChangeType":"Modify","before":1,"after":2,"children":null}]},{"path":"2","propertyChangeType":"Delete","before":3,"after":null,"children":null}]}]`, ChangeModify},
		{`{"l":[1]}`, `{"l":{"a":1}}`, `[{"path":"l","propertyChangeType":"Modify","before":[1],"after":{"a":1},"children":null}]`, ChangeModify},
	} {
		before, after := object(c.before), object(c.after)
		delta := Diff(before, after, serverSide)
		v, err := jsondoc.From(delta)
		if got := string(jsondoc.Marshal(v)); err != nil || got != c.want {
			t.Errorf("%s to %s:\n%s\nwant\n%s", c.before, c.after, got, c.want)
		}
		if got := ChangeType(before, after, delta); got != c.kind {
			t.Errorf("%s to %s is %s, want %s", c.before, c.after, got, c.kind)
		}
	}
	if ChangeType(nil, object(`{}`), nil) != ChangeCreate || ChangeType(object(`{}`), nil, nil) != ChangeDelete {
		t.Error("ChangeType of what comes or goes")
	}
}

// FuzzExpression parses and evaluates anything: no crash, only faults, and what
// is known without a deployment is the same the second time.
func FuzzExpression(f *testing.F) {
	for _, s := range []string{"concat('a', 1)", "variables('v').a[0]", "map(range(0,3), lambda('x', lambdaVariables('x')))", "format('{0,5:N2}', 3)",
		"reference('svc').?p", "substring('abc', 1)", "cidrSubnet('10.0.0.0/8', 16, 3)", "dateTimeAdd('2020-01-01', 'P1D', 'yyyy')", "split('a,b', ',')[1]"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		v, err := evaluate(s, nil)
		w, err2 := evaluate(s, nil)
		if (err == nil) != (err2 == nil) || err == nil && string(jsondoc.Marshal(v)) != string(jsondoc.Marshal(w)) {
			t.Fatalf("%q gives %v, %v and then %v, %v", s, v, err, w, err2)
		}
	})
}

// TestOddValues puts odd values in each place of every template of the cases, one
// at a time, and takes the result through its whole life: no crash, and only
// errors that say what is wrong.
func TestOddValues(t *testing.T) {
	odd := []Value{nil, "", "x", true, jsondoc.Number("-1"), jsondoc.Number("1.5"), []Value{}, []Value{nil}, &jsondoc.Object{}, jsondoc.NewObject("value", nil),
		"[reference('x').y]", "[null()]", "[copyIndex()]", "[parameters('p')]", "[createArray(1)]", "/", "a/b/c", "[["}
	files, _ := filepath.Glob("testdata/plans/*.txtar")
	runs := 0
	for _, file := range files {
		archive, err := txtar.ParseFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, part := range archive.Files {
			if part.Name != "template" {
				continue
			}
			doc, err := jsondoc.ParseObject(part.Data)
			if err != nil {
				t.Fatal(file, err)
			}
			replaceEach(doc, odd, func() {
				runs++
				live(t, doc)
			})
		}
	}
	t.Log(runs, "documents")
}

// replaceEach puts each of the values into each place of v, calls f, and puts back what was there.
func replaceEach(v Value, odd []Value, f func()) {
	each := func(held Value, put func(Value)) {
		for _, o := range odd {
			put(o)
			f()
		}
		put(held)
		replaceEach(held, odd, f)
	}
	switch v := v.(type) {
	case *jsondoc.Object:
		for _, name := range v.Names() {
			held, _ := v.Get(name)
			each(held, func(o Value) { v.Set(name, o) })
		}
	case []Value:
		for i, held := range v {
			each(held, func(o Value) { v[i] = o })
		}
	}
}

func live(t *testing.T, doc *jsondoc.Object) {
	defer func() {
		if r := recover(); r != nil {
			t.Fatalf("%v\n%s\n%s", r, jsondoc.Marshal(doc), debug.Stack())
		}
	}()
	parsed, err := Parse(doc)
	if err == nil {
		w := &world{resources: map[gatehouse.Scope]*jsondoc.Object{}}
		_, err = w.deploy(parsed, nil, testEnv(gatehouse.MustID(testGroup)), "")
	}
	if err != nil && gatehouse.KindOf(err) == gatehouse.Internal {
		t.Fatalf("%T: %v\n%s", err, err, jsondoc.Marshal(doc))
	}
}

func BenchmarkPlan(b *testing.B) {
	for b.Loop() {
		plan, err := planOf(b, `"variables": {"names": ["a","b"]}, "resources": [
			{"type": "Microsoft.A/b", "apiVersion": "1", "name": "base"},
			{"type": "Microsoft.A/b", "apiVersion": "1", "name": "[concat('n', copyIndex())]", "copy": {"name": "l", "count": 700}, "dependsOn": ["base"],
			 "properties": {"x": "[reference('base').y]", "id": "[resourceId('Microsoft.A/b', concat('n', copyIndex()))]", "n": "[variables('names')[mod(copyIndex(), 2)]]"}}]`)
		if err != nil || len(plan.Steps) != 701 {
			b.Fatal(err)
		}
	}
}
