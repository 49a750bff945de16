package apim_test

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"gatehouse/arm"
	"gatehouse/arm/armtest"
	"gatehouse/jsondoc"
)

// several is how many items of each type TestLists writes, where a type may have that many.
const several = 7

// wholly are the lists that are published without $top and $skip, and answered whole or in pages of their own.
var wholly = []string{"allPolicies", "networkstatus", "outboundNetworkDependenciesEndpoints", "policyDescriptions", "privateLinkResources",
	"regions", "skus", "users/identities"}

// Every list below a service, as Azure's clients page and search it (apim-control-plane.md 1.5).
func TestLists(t *testing.T) {
	t.Parallel()
	w := world(t)
	tree, _ := populate(t, w)
	full := 0
	for _, route := range w.Server.Routes() {
		rel, ok := strings.CutPrefix(route.TypeName, serviceType+"/")
		if route.Verb != arm.List || !ok || route.Provider.Namespace != "Microsoft.ApiManagement" || strings.HasPrefix(rel, "reports/") {
			continue
		}
		t.Run(rel, func(t *testing.T) {
			collection, err := tree.collection(rel)
			if err != nil {
				t.Fatal(err)
			}
			l := &list{t: t, w: w, path: service + collection + version}
			if slices.Contains(wholly, rel) {
				if code, body := l.ask("unknownOption", "x"); code != http.StatusOK {
					t.Errorf("an unknown option: %d %s", code, body)
				}
				return
			}
			all := l.get("$top", "1000")
			if len(all.items) >= several {
				full++
			}
			l.pages(all)
			l.refusals()
			if filter := w.Server.TypeOf(route.TypeName).Type.Filter; filter != "" {
				l.filters(filter, all)
			}
		})
	}
	t.Logf("%d lists have %d items or more", full, several)
}

// populate writes several of everything that can be put, what links to others last. It returns what it sent, by address, too.
func populate(t *testing.T, w *armtest.World) (*tree, map[string]string) {
	sent := map[string]string{}
	tree := &tree{w: w, first: map[string]string{}}
	r := rand.New(rand.NewPCG(3, 5))
	var types []*arm.Declared
	for _, route := range w.Server.Routes() {
		if d := w.Server.TypeOf(route.TypeName); route.Verb == arm.Put && d != nil && strings.HasPrefix(d.Name, serviceType+"/") {
			types = append(types, d)
		}
	}
	slices.SortStableFunc(types, func(a, b *arm.Declared) int {
		if link := b2i(a.Type.Hooks.Behind != nil) - b2i(b.Type.Hooks.Behind != nil); link != 0 {
			return link
		}
		return strings.Count(a.Name, "/") - strings.Count(b.Name, "/")
	})
	for _, d := range types {
		rel := strings.TrimPrefix(d.Name, serviceType+"/")
		collection, err := tree.collection(rel)
		if err != nil {
			t.Fatal(err)
		}
		for n := range several {
			name := nameFor(d.Type, n)
			text := "{}"
			if d.Type.Model != nil {
				text = string(jsondoc.Marshal(body(r, rel, d.Type.Model, n)))
			}
			put := w.Do("owner", "PUT", service+collection+"/"+name+version, http.Header{"If-Match": {"*"}}, text)
			if put.Code != http.StatusCreated && put.Code != http.StatusOK {
				t.Errorf("PUT %s/%s: %d %s", collection, name, put.Code, put.Body)
				break
			}
			sent[service+collection+"/"+name] = text
			if tree.first[d.Name] == "" {
				tree.first[d.Name] = name
			}
		}
	}
	return tree, sent
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}

// list asks one list.
type list struct {
	t    *testing.T
	w    *armtest.World
	path string
}

// page is an answer of a list.
type page struct {
	items []string // each as text
	value []*jsondoc.Object
	count int64
	next  string
}

func (l *list) ask(options ...string) (code int, body []byte) {
	path := l.path
	for i := 0; i < len(options); i += 2 {
		path += "&" + options[i] + "=" + url.QueryEscape(options[i+1])
	}
	a := l.w.Do("owner", "GET", path, nil, "")
	return a.Code, a.Body.Bytes()
}

func (l *list) get(options ...string) *page {
	l.t.Helper()
	code, body := l.ask(options...)
	if code != http.StatusOK {
		l.t.Fatalf("%v: %d %s", options, code, body)
	}
	return l.read(body)
}

func (l *list) read(body []byte) *page {
	l.t.Helper()
	o := parse(l.t, body)
	p := &page{next: o.String("nextLink"), count: -1}
	if o.Has("count") {
		p.count, _ = o.Int("count")
	}
	for _, v := range o.Array("value") {
		item, _ := v.(*jsondoc.Object)
		p.value, p.items = append(p.value, item), append(p.items, string(jsondoc.Marshal(v)))
	}
	return p
}

// pages walks a list with pages of one to three and from any place, and expects what it holds once and in order.
func (l *list) pages(all *page) {
	l.t.Helper()
	if all.next != "" || all.count >= 0 && all.count != int64(len(all.items)) {
		l.t.Errorf("%d items, count %d, nextLink %s", len(all.items), all.count, all.next)
	}
	named := func(o *jsondoc.Object) string { return strings.ToLower(o.String("id")) }
	if !slices.IsSortedFunc(all.value, func(a, b *jsondoc.Object) int { return strings.Compare(named(a), named(b)) }) {
		l.t.Errorf("not in order of ids")
	}
	for top := 1; top <= 3; top++ {
		var walked []string
		p := l.get("$top", fmt.Sprint(top), "unknownOption", "x")
		for {
			walked = append(walked, p.items...)
			if len(p.items) > top || p.count != all.count || len(walked) > len(all.items) {
				l.t.Errorf("$top=%d: a page of %d, count %d of %d", top, len(p.items), p.count, all.count)
				return
			}
			if p.next == "" {
				break
			}
			next, ok := strings.CutPrefix(p.next, armtest.BaseURL+"/")
			if !ok || len(p.items) != top || strings.Contains(next, "skip=") {
				l.t.Errorf("$top=%d: a page of %d, nextLink %s", top, len(p.items), p.next)
				return
			}
			p = l.read(l.w.Do("owner", "GET", "/"+next, nil, "").Body.Bytes())
		}
		if !slices.Equal(walked, all.items) {
			l.t.Errorf("$top=%d walks over %d items of %d", top, len(walked), len(all.items))
		}
	}
	for _, skip := range []int{0, 2, len(all.items), len(all.items) + 1} {
		p := l.get("$skip", fmt.Sprint(skip), "%24top", "2")
		from, to := min(skip, len(all.items)), min(skip+2, len(all.items))
		if !slices.Equal(p.items, all.items[from:to]) || p.count != all.count || (p.next == "") != (to == len(all.items)) {
			l.t.Errorf("$skip=%d: %d items, count %d, nextLink %s", skip, len(p.items), p.count, p.next)
		}
	}
}

func (l *list) refusals() {
	l.t.Helper()
	for _, bad := range [][2]string{{"$top", "0"}, {"$top", "-1"}, {"$top", "abc"}, {"$top", "1.5"}, {"$skip", "-1"}, {"$skip", "x"}, {"$skiptoken", "%%"}, {"$skiptoken", "bm9wZQ"}} {
		if code, body := l.ask(bad[0], bad[1]); code != http.StatusBadRequest {
			l.t.Errorf("%s=%s: %d %.200s", bad[0], bad[1], code, body)
		}
	}
}

// operators and functions of $filter, as they are written with a field and a text.
var operators = map[string]string{"ge": "F ge V", "le": "F le V", "eq": "F eq V", "ne": "F ne V", "gt": "F gt V", "lt": "F lt V",
	"substringof": "substringof(V, F)", "contains": "contains(F, V)", "startswith": "startswith(F, V)", "endswith": "endswith(F, V)"}

// filters names every field with everything that is published for it, and with all that is not.
func (l *list) filters(filter string, all *page) {
	l.t.Helper()
	for _, rule := range strings.Fields(filter) {
		field, words, _ := strings.Cut(strings.TrimSuffix(rule, ")"), "(")
		allowed := strings.Split(words, ",")
		value := valueOf(field, all)
		for name, form := range operators {
			text := strings.NewReplacer("F", field, "V", value).Replace(form)
			code, body := l.ask("$filter", text, "$top", "1000")
			want := http.StatusBadRequest
			if slices.Contains(allowed, name) {
				want = http.StatusOK
			}
			if code != want {
				l.t.Errorf("$filter=%s: %d, want %d %.300s", text, code, want, body)
				continue
			}
			if code == http.StatusOK {
				l.finds(name, text, value, field, l.read(body), all)
			}
		}
	}
	for _, bad := range []string{"nothing eq 'x'", "name eq", "eq 'x'", "'x'", "name eq 'x' and", "name like 'x'", "trim(name) eq 'x'", "name eq 'x", "(name eq 'x'", "contains(name)", "properties/name eq 'x'", "id eq 'x'"} {
		if code, body := l.ask("$filter", bad); code != http.StatusBadRequest {
			l.t.Errorf("$filter=%s: %d %.200s", bad, code, body)
		}
	}
}

// valueOf is a value of a field as a filter writes it, of the first item that has one.
func valueOf(field string, all *page) string {
	for _, item := range all.value {
		if v, ok := fieldOf(item, field); ok {
			switch v := v.(type) {
			case string:
				return "'" + strings.ReplaceAll(v, "'", "''") + "'"
			case bool:
				return fmt.Sprint(v)
			}
		}
	}
	return "'x'"
}

func fieldOf(item *jsondoc.Object, field string) (jsondoc.Value, bool) {
	if field == "name" && item.Has("name") {
		return item.Get("name")
	}
	v, ok := item.Lookup("properties." + field)
	if !ok || v == nil {
		return nil, false
	}
	return v, true
}

// finds compares what a filter found with what is there, for texts.
func (l *list) finds(name, text, value, field string, found, all *page) {
	l.t.Helper()
	if found.count >= 0 && found.count != int64(len(found.items)) {
		l.t.Errorf("$filter=%s: %d items, count %d", text, len(found.items), found.count)
	}
	value = strings.ToLower(strings.ReplaceAll(strings.TrimSuffix(strings.TrimPrefix(value, "'"), "'"), "''", "'"))
	for i, item := range all.value {
		v, ok := fieldOf(item, field)
		s, isText := v.(string)
		if !ok || !isText {
			continue
		}
		s = strings.ToLower(s)
		var want bool
		switch name {
		case "eq", "le":
			if s != value {
				continue
			}
			want = true
		case "ne", "lt", "gt":
			if s != value {
				continue
			}
		case "contains", "substringof":
			want = strings.Contains(s, value)
		case "startswith":
			want = strings.HasPrefix(s, value)
		case "endswith":
			want = strings.HasSuffix(s, value)
		default:
			continue
		}
		if got := slices.Contains(found.items, all.items[i]); got != want {
			l.t.Errorf("$filter=%s finds %.300s: %v", text, all.items[i], got)
			return
		}
	}
}

// The lists of services, workspace gateways and deleted services have no options in the published
// tables; they have pages as others do.
func TestListsOfServices(t *testing.T) {
	t.Parallel()
	w := armtest.Start(t, build(t))
	top := armtest.GroupID().String() + "/providers/Microsoft.ApiManagement"
	everywhere := "/subscriptions/" + armtest.Subscription.String() + "/providers/Microsoft.ApiManagement"
	walk := func(path string) {
		t.Helper()
		l := &list{t: t, w: w, path: path + version}
		all := l.get("$top", "1000")
		if len(all.items) != several {
			t.Errorf("%s has %d items", path, len(all.items))
		}
		l.pages(all)
	}
	for n := range several {
		w.Do("owner", "PUT", fmt.Sprintf("%s/service/n%d%s", top, n, version), nil, `{"location": "westeurope", "sku": {"name": "Consumption"}, "properties": {"publisherEmail": "a@contoso.test", "publisherName": "Contoso"}}`)
		w.Do("owner", "PUT", fmt.Sprintf("%s/gateways/n%d%s", top, n, version), nil, `{"location": "westeurope", "sku": {"name": "WorkspaceGatewayPremium", "capacity": 1}}`)
	}
	for _, family := range []string{"/service", "/gateways"} {
		walk(top + family)
		walk(everywhere + family)
	}
	for n := range several {
		w.Do("owner", "DELETE", fmt.Sprintf("%s/service/n%d%s", top, n, version), nil, "")
	}
	walk(everywhere + "/deletedservices")
}
