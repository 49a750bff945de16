package arm

import (
	"encoding/base64"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"gatehouse"
	"gatehouse/jsondoc"
	"gatehouse/odata"
	"gatehouse/store"
)

// pageSize is how many items a list answers when the caller names no number.
const pageSize = 100

// maxPage bounds $top.
const maxPage = 1000

// Query holds the query parameters of a request by folded name; $top and %24top are the same.
type Query map[string]string

func parseQuery(raw string) Query {
	q := Query{}
	for _, pair := range strings.Split(raw, "&") {
		name, value, _ := strings.Cut(pair, "=")
		name, err := url.QueryUnescape(name)
		if err != nil {
			continue
		}
		decoded, err := url.QueryUnescape(value)
		if err != nil {
			decoded = value
		}
		if key := fold(name); key != "" && q[key] == "" {
			q[key] = decoded
		}
	}
	return q
}

// Get returns a parameter by name in any casing, "" when it was not given.
func (q Query) Get(name string) string { return q[fold(name)] }

// Number returns a parameter as a number of at least min, fallback when it was not given.
func (q Query) Number(name string, min, fallback int) (int, error) {
	text := q.Get(name)
	if text == "" {
		return fallback, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < min {
		return 0, gatehouse.Errorf(gatehouse.Invalid, "InvalidQueryParameterValue", "%s has to be a whole number of at least %d; it is '%s'.", name, min, clip(text)).At(name)
	}
	return n, nil
}

// list is GET on a collection.
func list(op *Op) (*Answer, error) {
	parent := op.ID
	if err := op.chainExists(op.Server.store, parent); err != nil {
		return nil, err
	}
	if t := op.Route.Type; len(t.Always) > 0 {
		return op.listAlways()
	}
	scope := parent.Scope()
	q := store.Query{Type: op.Route.TypeName}
	if op.below() {
		q.Under = &scope
	} else {
		q.Parent = &scope
	}
	return op.Page(q, nil)
}

// below reports whether a collection also lists what lies deeper: top-level types at subscription scope do.
func (op *Op) below() bool {
	sub, ok := op.ID.Scope().Subscription()
	return ok && sub == op.ID.Scope() && strings.Contains(op.Path, "/providers/")
}

// Page answers a list of the documents that q selects, honouring $filter, $top,
// $skip and $skiptoken. Keep, when given, drops resources before paging. A caller
// that sees the list only in part gets what it may read.
func (op *Op) Page(q store.Query, keep func(*Resource) bool) (*Answer, error) {
	l, err := op.listing(q)
	if err != nil {
		return nil, err
	}
	if keep != nil {
		l.keep = append(l.keep, keep)
	}
	items, next, err := l.collect()
	if err != nil {
		return nil, err
	}
	if next != "" {
		next = op.NextLink(next)
	}
	return l.answer(items, next), nil
}

// listing is one list on its way: what to select, what to keep, where to stop.
type listing struct {
	op        *Op
	query     store.Query
	filter    odata.Expr
	keep      []func(*Resource) bool
	top, skip int
	asked     bool // $top was given
	count     int
	taken     int
	items     []jsondoc.Value
	last      string // key of the last item

	from func(d *store.Document) (*Resource, error) // instead of the document itself
	show func(r *Resource) *jsondoc.Object
}

func (op *Op) listing(q store.Query) (*listing, error) {
	l := &listing{op: op, query: q}
	var err error
	if l.top, err = op.Query.Number("$top", 1, pageSize); err != nil {
		return nil, err
	}
	l.asked = op.Query.Get("$top") != ""
	l.top = min(l.top, maxPage)
	if l.skip, err = op.Query.Number("$skip", 0, 0); err != nil {
		return nil, err
	}
	if l.query.After, err = op.Place(); err != nil {
		return nil, err
	}
	if l.query.After != "" && l.query.After[0] != '/' {
		return nil, BadSkipToken()
	}
	if t := op.Route.Type; t != nil && t.Filter != "" {
		if l.filter, err = parseFilter(op.Query.Get("$filter"), t.Filter); err != nil {
			return nil, err
		}
	}
	if op.Partial {
		l.keep = append(l.keep, func(r *Resource) bool { return op.Can(r.Type+"/read", r.ID) })
	}
	return l, nil
}

// collect reads documents in batches until a page is full. The next token is the key of the last item taken.
func (l *listing) collect() (items []jsondoc.Value, next string, err error) {
	if l.counted() {
		if err := l.total(); err != nil {
			return nil, "", err
		}
	}
	full, err := l.fill()
	if err != nil || !full {
		return l.items, "", err
	}
	return l.items, l.last, nil
}

func (l *listing) counted() bool { return l.op.Route.Type != nil && l.op.Route.Type.Count }

// fill takes items until there are enough and it has seen one more.
func (l *listing) fill() (full bool, err error) {
	q := l.query
	for {
		q.Limit = l.top + l.skip + 1
		page, err := l.op.Server.store.List(l.op.Context, q)
		if err != nil {
			return false, err
		}
		for _, d := range page.Documents {
			r, err := l.matching(d)
			if err != nil {
				return false, err
			}
			if r == nil {
				continue
			}
			if l.taken++; l.taken <= l.skip {
				continue
			}
			if len(l.items) == l.top {
				return true, nil
			}
			l.items, l.last = append(l.items, l.shown(r)), d.Key().String()
		}
		if page.Next == "" {
			return false, nil
		}
		q.After = page.Next
	}
}

func (l *listing) shown(r *Resource) *jsondoc.Object {
	if l.show != nil {
		return l.show(r)
	}
	return l.op.Show(r)
}

// PageOf answers a list of resources that are already in memory, in order of their
// keys, like Page; show makes the item of a list, Op.Show when it is nil.
func (op *Op) PageOf(all []*Resource, show func(*Resource) *jsondoc.Object) (*Answer, error) {
	l, err := op.listing(store.Query{})
	if err != nil {
		return nil, err
	}
	if show == nil {
		show = op.Show
	}
	slices.SortFunc(all, func(a, b *Resource) int { return strings.Compare(a.ID.Scope().String(), b.ID.Scope().String()) })
	var items []jsondoc.Value
	last, next := "", ""
	for _, r := range all {
		key := r.ID.Scope().String()
		matches, err := l.match(r)
		if err != nil {
			return nil, err
		}
		if matches {
			l.count++
		}
		if !matches || key <= l.query.After || next != "" {
			continue
		}
		if l.taken++; l.taken <= l.skip {
			continue
		}
		if len(items) == l.top {
			next = op.NextLink(last)
			continue
		}
		items, last = append(items, show(r)), key
	}
	return l.answer(items, next), nil
}

func (l *listing) answer(items []jsondoc.Value, next string) *Answer {
	a := ListOf(items)
	o := a.Body.(*jsondoc.Object)
	if t := l.op.Route.Type; t != nil && t.Count {
		o.Set("count", jsondoc.Number(strconv.Itoa(l.count)))
	}
	if next != "" {
		o.Set("nextLink", next)
	}
	return a
}

// total counts all matches, not those of the page (apim-control-plane.md 1.5).
func (l *listing) total() error {
	q := l.query
	q.After, q.Limit = "", 0
	if l.filter == nil && len(l.keep) == 0 {
		n, err := l.op.Server.store.Count(l.op.Context, q)
		l.count += n
		return err
	}
	page, err := l.op.Server.store.List(l.op.Context, q)
	if err != nil {
		return err
	}
	for _, d := range page.Documents {
		if r, err := l.matching(d); err != nil {
			return err
		} else if r != nil {
			l.count++
		}
	}
	return nil
}

// matching is a document as it is shown, nil when it does not belong in the list: a
// link that leads nowhere any more is left out, too.
func (l *listing) matching(d *store.Document) (*Resource, error) {
	r, err := l.read(d)
	if gatehouse.KindOf(err) == gatehouse.NotFound {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if matches, err := l.match(r); err != nil || !matches {
		return nil, err
	}
	return r, nil
}

func (l *listing) read(d *store.Document) (*Resource, error) {
	if l.from != nil {
		return l.from(d)
	}
	r, err := FromDocument(d)
	if err != nil {
		return nil, err
	}
	return l.op.behind(l.op.Server.store, r)
}

func (l *listing) match(r *Resource) (bool, error) {
	for _, keep := range l.keep {
		if !keep(r) {
			return false, nil
		}
	}
	env := odata.Env{Lookup: l.op.fields(r)}
	return env.Match(l.filter)
}

// fields looks a filter's field up in a resource: what its type computes, name, then properties, then the envelope.
func (op *Op) fields(r *Resource) func(string) (any, bool) {
	return func(name string) (any, bool) {
		if t := op.Route.Type; t != nil && t.Hooks.Field != nil {
			if v, ok := t.Hooks.Field(r, name); ok {
				return v, true
			}
		}
		if fold(name) == "name" {
			return r.ID.Name(), true
		}
		path := strings.ReplaceAll(name, "/", ".")
		if v, ok := r.Body.Lookup("properties." + path); ok {
			return v, true
		}
		return r.Body.Lookup(path)
	}
}

func parseFilter(text, allowed string) (odata.Expr, error) {
	if text == "" {
		return nil, nil
	}
	e, err := odata.Parse(text)
	if err != nil {
		return nil, err
	}
	return e, rules(allowed).Check(e)
}

// rules reads Type.Filter: a field with what may be done with it in parentheses, or without.
func rules(filter string) *odata.Rules {
	r := &odata.Rules{Fields: map[string]string{}, Or: true, Not: true}
	for _, field := range strings.Fields(filter) {
		name, allowed, limited := strings.Cut(strings.TrimSuffix(field, ")"), "(")
		if !limited {
			allowed = "*"
		}
		r.Fields[name] = strings.ReplaceAll(allowed, ",", " ")
	}
	return r
}

// NextLink is the address of the next page: this request again, with a token that
// says where the page starts. Place is the list's own word for that, see Op.Place.
func (op *Op) NextLink(place string) string {
	v := url.Values{}
	for name, value := range op.Query {
		v.Set(name, value)
	}
	v.Del("$skip")
	v.Set("$skiptoken", base64.RawURLEncoding.EncodeToString([]byte(place)))
	return op.Server.BaseURL + (&url.URL{Path: op.Path}).EscapedPath() + "?" + v.Encode()
}

// Place is what NextLink was given on the page before, "" on the first page. What
// it means, and whether it can be so, is for the list to check: a caller may send anything.
func (op *Op) Place() (string, error) {
	token := op.Query.Get("$skiptoken")
	place, err := base64.RawURLEncoding.DecodeString(token)
	if err != nil || token != "" && len(place) == 0 {
		return "", BadSkipToken()
	}
	return string(place), nil
}

// BadSkipToken is the 400 for a $skiptoken that does not say where a page starts.
func BadSkipToken() error {
	return gatehouse.Errorf(gatehouse.Invalid, "InvalidSkipToken", "The $skiptoken is not one that this server gave out. Start the list again without it.").At("$skiptoken")
}

// URL is the absolute address of an id with the request's api-version.
func (op *Op) URL(path string) string {
	return fmt.Sprintf("%s%s?api-version=%s", op.Server.BaseURL, (&url.URL{Path: path}).EscapedPath(), url.QueryEscape(op.Version))
}
