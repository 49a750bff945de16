package main

import (
	"regexp"
	"slices"
	"strings"
)

const namespace = "/providers/Microsoft.ApiManagement/"

var param = regexp.MustCompile(`\{[^}]*\}`)

// known are the methods that a data row can name; rows that describe several at once are cut apart elsewhere.
var known = []string{"GET", "HEAD", "PUT", "PATCH", "DELETE", "POST"}

// operations is the list of all operations in a form that diffs well. The last cell stands where the known
// clients agree on other codes than the published ones.
func operations(ops []row, accepted map[string]string) string {
	var b strings.Builder
	b.WriteString("# Every operation of Microsoft.ApiManagement. Written by gen; do not edit.\n")
	b.WriteString(tabbed("method", "path", "action", "codes", "codes_2022-08-01", "codes_2021-08-01", "long", "ifMatch", "since", "stability", "sdk", "accepted"))
	for _, r := range expand(ops) {
		cells := []string{r["method"], r["pathTemplate"], r["rbacAction"], r["successCodes"], r["successCodes_2022-08-01"], r["successCodes_2021-08-01"],
			r["isLongRunning"], r["needsIfMatch"], r["firstApiVersion"], r["stability"], r["sdkMethod"]}
		if all := accepted[r["method"]+" "+r["pathTemplate"]]; all != "" && all != r["successCodes"] {
			cells = append(cells, all)
		}
		b.WriteString(tabbed(cells...))
	}
	return b.String()
}

// accepted is what every known client takes for success, by method and path.
func accepted(clients []row) map[string]string {
	codes := map[string]string{}
	for _, r := range clients {
		path := r["path"]
		if strings.Contains(path, namespace) { // clients write the only name of a policy out
			path = strings.Replace(path, "/policies/policy", "/policies/{policyId}", 1)
		}
		codes[r["method"]+" "+path] = strings.ReplaceAll(r["accepted_by_all"], ",", " ")
	}
	return codes
}

// expand cuts rows that name several methods into one each; words in lower case are POST actions.
func expand(ops []row) []row {
	var out []row
	for _, r := range ops {
		for _, method := range strings.Fields(r["method"]) {
			each := row{}
			for k, v := range r {
				each[k] = v
			}
			if !slices.Contains(known, method) {
				each["pathTemplate"] += "/" + method
				method = "POST"
			}
			each["method"] = method
			out = append(out, each)
		}
	}
	return out
}

// resource is what the table says of one resource type at one place.
type resource struct {
	path                     string // service/apis/operations; a star stands for a parameter where a literal is usual
	methods                  []string
	put, patch               string // models
	filter                   []string
	etag, match, list, count bool
	actions                  []string
}

// collect groups operations by resource type. A collection and its items are one.
func collect(ops []row, m *models) []*resource {
	byPath := map[string]*resource{}
	var order []*resource
	for _, r := range expand(ops) {
		path, item, action := place(r)
		t := byPath[path]
		if t == nil {
			t = &resource{path: path}
			byPath[path] = t
			order = append(order, t)
		}
		t.add(r, item, action, m)
	}
	return order
}

// place cuts a path template: types only, whether it ends in an item, and the action of a POST.
func place(r row) (path string, item bool, action string) {
	template := r["pathTemplate"]
	rest := template[strings.LastIndex(template, namespace)+len(namespace):]
	segments := strings.Split(rest, "/")
	if r["method"] == "POST" {
		action, segments = segments[len(segments)-1], segments[:len(segments)-1]
	}
	var types []string
	for _, s := range segments {
		if !param.MatchString(s) {
			types = append(types, s)
		}
	}
	return strings.Join(types, "/"), len(segments) > 0 && param.MatchString(segments[len(segments)-1]), action
}

func (t *resource) add(r row, item bool, action string, m *models) {
	method := r["method"]
	switch {
	case method == "POST":
		t.actions = append(t.actions, action)
		return
	case method == "GET" && !item && r["isList"] == "yes":
		t.list = true
		t.filter = filterFields(r["listFilterFields"])
		t.count = m.has(r["responseModel"], "count")
		method = "LIST"
	}
	if !slices.Contains(t.methods, method) {
		t.methods = append(t.methods, method)
	}
	switch method {
	case "PUT":
		t.put = m.find(r["requestModel"])
	case "PATCH":
		t.patch = m.find(r["requestModel"])
	}
	t.etag = t.etag || r["returnsETag"] == "yes"
	t.match = t.match || r["needsIfMatch"] == "required" && method != "PUT"
}

// filterFields keeps fields that $filter may name, with what may be done with them.
func filterFields(text string) []string {
	var out []string
	for _, f := range strings.Split(text, ";") {
		name, rest, ok := strings.Cut(strings.TrimSpace(f), "[")
		parts := strings.Split(strings.TrimSuffix(rest, "]"), "|")
		if !ok || !slices.Contains(strings.Split(strings.TrimSpace(parts[0]), ","), "filter") {
			continue
		}
		allowed := ""
		for _, p := range parts[1:] {
			allowed += "," + strings.ReplaceAll(strings.TrimSpace(p), " ", "")
		}
		out = append(out, name+"("+strings.Trim(allowed, ",")+")")
	}
	return out
}

func typeTable(types []*resource) string {
	var b strings.Builder
	b.WriteString("# The resource types of Microsoft.ApiManagement. Written by gen; do not edit.\n")
	b.WriteString(tabbed("path", "methods", "put", "patch", "etag", "match", "count", "actions", "filter"))
	for _, t := range types {
		b.WriteString(tabbed(t.path, strings.Join(t.methods, " "), t.put, t.patch, yes(t.etag), yes(t.match), yes(t.count), strings.Join(t.actions, " "), strings.Join(t.filter, " ")))
	}
	return b.String()
}
