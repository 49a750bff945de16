package graph

import (
	"net/url"
	"slices"
	"strconv"
	"strings"

	"gatehouse"
	"gatehouse/directory"
	"gatehouse/jsondoc"
	"gatehouse/odata"
	"gatehouse/store"
)

// Sizes of pages (Graph: 100 by default, 999 at most).
const (
	defaultPage = 100
	maxPage     = 999
	scanPage    = 500
)

// item is one object of a list. Key continues the list behind it.
type item struct {
	k    *kind
	body *jsondoc.Object
	key  string
}

// source is a list before filter, order and paging. next returns at most limit
// items after a key, and the key to go on with, "" at the end.
type source struct {
	name  string // in @odata.context
	kind  *kind  // nil when kinds mix
	next  func(after string, limit int) ([]item, string, error)
	total func() (int, error) // nil when only counting tells
}

func listObjects(k *kind) func(*call) (*answer, error) {
	return func(c *call) (*answer, error) { return c.page(c.all(k)) }
}

func countObjects(k *kind) func(*call) (*answer, error) {
	return func(c *call) (*answer, error) { return c.countOf(c.all(k)) }
}

// all is every object of a kind, or those that an index finds for the filter.
func (c *call) all(k *kind) source {
	if ids, ok := c.h.candidates(k, c.query.Filter); ok {
		s := c.these(collection(k), ids)
		s.kind = k
		return s
	}
	st := c.h.cfg.Store
	return source{
		name: collection(k), kind: k,
		next: func(after string, limit int) ([]item, string, error) {
			page, err := st.List(c.ctx(), store.Query{Type: k.doc, After: after, Limit: limit})
			if err != nil {
				return nil, "", err
			}
			items := make([]item, len(page.Documents))
			for i, d := range page.Documents {
				if items[i], err = itemOf(k, d); err != nil {
					return nil, "", err
				}
			}
			return items, page.Next, nil
		},
		total: func() (int, error) { return st.Count(c.ctx(), store.Query{Type: k.doc}) },
	}
}

func itemOf(k *kind, d *store.Document) (item, error) {
	body, err := bodyOf(k, d)
	if err == nil && k == roleAssignments && !body.Has("id") { // the first one is written before there is a Graph
		body.Set("id", d.ID.Name())
	}
	return item{k, body, d.Key().String()}, err
}

// bodyOf reads a document. Those that were not made here, such as a managed
// identity's, may lack what the store knows as well.
func bodyOf(k *kind, d *store.Document) (*jsondoc.Object, error) {
	body, err := jsondoc.ParseObject(d.Body)
	if err == nil && k.field("createdDateTime") != nil && !body.Has("createdDateTime") {
		body.Set("createdDateTime", stamp(d.Created))
	}
	return body, err
}

// these is the objects with the given IDs, whatever their kind; those that are gone are left out.
func (c *call) these(name string, ids []gatehouse.GUID) source {
	keys := make([]string, 0, len(ids))
	for _, oid := range ids {
		keys = append(keys, oid.String())
	}
	slices.Sort(keys)
	keys = slices.Compact(keys)
	return source{name: name, next: func(after string, limit int) ([]item, string, error) {
		from, found := slices.BinarySearch(keys, after)
		if found {
			from++
		}
		to := min(from+limit, len(keys))
		var items []item
		for _, key := range keys[from:to] {
			it, ok, err := c.load(gatehouse.MustGUID(key))
			if err != nil {
				return nil, "", err
			}
			if it.key = key; ok {
				items = append(items, it)
			}
		}
		if to == len(keys) {
			return items, "", nil
		}
		return items, keys[to-1], nil
	}}
}

// load reads an object of any kind.
func (c *call) load(oid gatehouse.GUID) (item, bool, error) {
	k := c.h.kindOf(oid)
	d, err := c.h.cfg.Store.Get(c.ctx(), k.id(oid).Scope())
	if gatehouse.KindOf(err) == gatehouse.NotFound && err != nil {
		return item{}, false, nil
	}
	if err != nil {
		return item{}, false, err
	}
	it, err := itemOf(k, d)
	return it, err == nil, err
}

// candidates are the objects that can match a filter, where an index knows: one
// equality on a name is enough, since "and" only narrows.
func (h *Handler) candidates(k *kind, filter odata.Expr) ([]gatehouse.GUID, bool) {
	if k == roleAssignments {
		return nil, false
	}
	for _, part := range odata.Conjuncts(filter) {
		if field, value, ok := odata.Equality(part); ok && value.Value != nil {
			if ids, known := h.equal(k, gatehouse.Fold(field), value.Text()); known {
				return ids, true
			}
		}
		if prefix, ok := namePrefix(part); ok {
			return h.cfg.Index.ByDisplayNamePrefix(k.doc, prefix), true
		}
		if list, value, ok := odata.AnyEquality(part); ok && value.Value != nil {
			if ids, known := h.holding(k, gatehouse.Fold(list), value.Text()); known {
				return ids, true
			}
		}
	}
	return nil, false
}

// namePrefix takes apart startswith(displayName,'x'): az resolves names so.
func namePrefix(e odata.Expr) (string, bool) {
	c, ok := odata.CallOf(e, "startswith")
	if !ok {
		return "", false
	}
	field, isField := c.Args[0].(*odata.Field)
	value, isValue := c.Args[1].(*odata.Literal)
	if !isField || !isValue || gatehouse.Fold(field.Path) != "displayname" {
		return "", false
	}
	text, isText := value.Value.(string)
	return text, isText && text != ""
}

func (h *Handler) equal(k *kind, field, value string) ([]gatehouse.GUID, bool) {
	x := h.cfg.Index
	id, err := gatehouse.ParseGUID(value)
	switch {
	case field == "displayname" && value != "":
		return x.ByDisplayName(k.doc, value), true
	case field == "userprincipalname" && k == users:
		return one(x.UserByName(value)), true
	case field == "id" && err == nil:
		if h.kindOf(id) == k {
			return []gatehouse.GUID{id}, true
		}
		return nil, true
	case field == "appid" && err == nil && k == applications:
		return one(x.ApplicationByAppID(id)), true
	case field == "appid" && err == nil && k == servicePrincipals:
		return one(x.ServicePrincipalByAppID(id)), true
	}
	return nil, false
}

func (h *Handler) holding(k *kind, list, value string) ([]gatehouse.GUID, bool) {
	switch {
	case list == "identifieruris" && k == applications:
		return one(h.cfg.Index.ApplicationByURI(value)), true
	case list == "serviceprincipalnames" && k == servicePrincipals:
		return one(h.cfg.Index.ServicePrincipalByName(value)), true
	}
	return nil, false
}

func one(oid gatehouse.GUID, ok bool) []gatehouse.GUID {
	if !ok {
		return nil
	}
	return []gatehouse.GUID{oid}
}

// mixedFields is what lists of several kinds can be filtered by.
var mixedFields = map[string]string{
	"id": "eq in", "displayName": search, "appId": "eq in", "userPrincipalName": search, "mail": search,
	"securityEnabled": equal, "mailEnabled": equal, "accountEnabled": equal, "groupTypes": anyEqual,
}

func (c *call) checkFilter(s source) error {
	rules := &odata.Rules{Fields: mixedFields, Or: true, Not: true}
	if s.kind != nil {
		rules = s.kind.rules()
	}
	if err := rules.Check(c.query.Filter); err != nil {
		return gatehouse.Errorf(gatehouse.Invalid, codeQuery, "Unsupported or invalid query filter clause specified. %s", messageOf(err))
	}
	for _, o := range c.query.OrderBy {
		if err := rules.Check(&odata.Binary{Op: odata.Eq, Left: &odata.Field{Path: o.Path}, Right: &odata.Literal{}}); err != nil {
			return gatehouse.Errorf(gatehouse.Invalid, codeQuery, "Unsupported sort property '%s' for this list.", clip(o.Path))
		}
	}
	if c.query.Search != "" {
		return gatehouse.Errorf(gatehouse.Invalid, codeQuery, "$search is not supported: use $filter with startswith or contains.")
	}
	return nil
}

// wanted applies cast and filter.
func (c *call) wanted(it item) (bool, error) {
	if c.cast != "" && gatehouse.Fold(it.k.single) != c.cast {
		return false, nil
	}
	ok, err := env(it.k, it.body).Match(c.query.Filter)
	if err != nil {
		return false, gatehouse.Errorf(gatehouse.Invalid, codeQuery, "%s", messageOf(err))
	}
	return ok, nil
}

// page answers one page of a list.
func (c *call) page(s source) (*answer, error) {
	if err := c.checkFilter(s); err != nil {
		return nil, err
	}
	after, err := c.h.signer.After(c.listKey(), c.query.SkipToken)
	if err != nil {
		return nil, gatehouse.Errorf(gatehouse.Invalid, codeRequest, "%s", messageOf(err))
	}
	size := c.query.Top
	if size == 0 {
		size = defaultPage
	}
	var items []item
	var next string
	count := -1
	if len(c.query.OrderBy) > 0 {
		items, next, count, err = c.sortedPage(s, after, size)
	} else {
		items, next, err = c.keyPage(s, after, size)
		if err == nil && c.query.Count {
			count, err = c.number(s)
		}
	}
	if err != nil {
		return nil, err
	}
	return c.listed(s, items, next, count)
}

// listKey names a list and the options that its tokens are bound to.
func (c *call) listKey() string {
	filter := ""
	if c.query.Filter != nil {
		filter = c.query.Filter.String()
	}
	order := ""
	for _, o := range c.query.OrderBy {
		order += o.Path + " " + strconv.FormatBool(o.Desc) + ","
	}
	return strings.Join([]string{strings.Join(c.path, "/"), c.cast, filter, order}, "\n")
}

func (c *call) keyPage(s source, after string, size int) (items []item, next string, err error) {
	for {
		limit := scanPage
		if c.query.Filter == nil && c.cast == "" {
			limit = size - len(items)
		}
		batch, more, err := s.next(after, limit)
		if err != nil {
			return nil, "", err
		}
		for i, it := range batch {
			ok, err := c.wanted(it)
			if err != nil {
				return nil, "", err
			}
			if !ok {
				continue
			}
			items = append(items, it)
			if len(items) == size && (i+1 < len(batch) || more != "") {
				return items, it.key, nil
			}
		}
		if more == "" || len(items) == size {
			return items, "", nil
		}
		after = more
	}
}

func (c *call) each(s source, f func(item)) error {
	for after := ""; ; {
		batch, more, err := s.next(after, scanPage)
		if err != nil {
			return err
		}
		for _, it := range batch {
			ok, err := c.wanted(it)
			if err != nil {
				return err
			}
			if ok {
				f(it)
			}
		}
		if after = more; after == "" {
			return nil
		}
	}
}

// sortedPage reads the whole list, since no index has its order; the token counts.
func (c *call) sortedPage(s source, after string, size int) (items []item, next string, count int, err error) {
	if err = c.each(s, func(it item) { items = append(items, it) }); err != nil {
		return nil, "", 0, err
	}
	odata.Sort(items, c.query.OrderBy, func(it item, path string) (any, bool) { return env(it.k, it.body).Lookup(path) })
	count = len(items)
	from := 0
	if after != "" {
		if from, err = strconv.Atoi(after); err != nil {
			return nil, "", 0, err
		}
	}
	from = min(from, len(items))
	to := min(from+size, len(items))
	if to < len(items) {
		next = strconv.Itoa(to)
	}
	if !c.query.Count {
		count = -1
	}
	return items[from:to], next, count, nil
}

func (c *call) number(s source) (n int, err error) {
	if c.query.Filter == nil && c.cast == "" && s.total != nil {
		return s.total()
	}
	err = c.each(s, func(item) { n++ })
	return n, err
}

func (c *call) countOf(s source) (*answer, error) {
	if err := c.checkFilter(s); err != nil {
		return nil, err
	}
	n, err := c.number(s)
	return &answer{plain: strconv.Itoa(n)}, err
}

func (c *call) listed(s source, items []item, next string, count int) (*answer, error) {
	selection, err := c.selection()
	if err != nil {
		return nil, err
	}
	context := s.name
	if len(c.query.Select) > 0 {
		context += "(" + strings.Join(c.query.Select, ",") + ")"
	}
	out := jsondoc.NewObject("@odata.context", c.contextURL(context))
	if count >= 0 {
		out.Set("@odata.count", count)
	}
	if next != "" {
		out.Set("@odata.nextLink", c.nextLink(next))
	}
	values := make([]jsondoc.Value, len(items))
	for i, it := range items {
		o := c.shown(s, it, selection)
		oid, err := gatehouse.ParseGUID(it.body.String("id"))
		if err != nil {
			return nil, err
		}
		if err := c.expand(it.k, o, oid); err != nil {
			return nil, err
		}
		values[i] = o
	}
	out.Set("value", values)
	return &answer{body: out}, nil
}

func (c *call) shown(s source, it item, selection []string) *jsondoc.Object {
	o := it.k.answer(it.body, selection)
	if s.kind != nil {
		return o
	}
	typed := jsondoc.NewObject("@odata.type", odataType(it.k))
	for name, v := range o.All() {
		typed.Set(name, v)
	}
	return typed
}

// nextLink is the request's own address with a token; absolute, as clients follow it as it is.
func (c *call) nextLink(after string) string {
	values, _ := odata.Values(c.r.URL.RawQuery) // parsed before
	q := url.Values{}
	for name, v := range values {
		if n := strings.TrimPrefix(gatehouse.Fold(name), "$"); n != "skiptoken" {
			q[name] = v
		}
	}
	q.Set("$skiptoken", c.h.signer.Token(c.listKey(), after))
	return c.h.cfg.BaseURL + c.r.URL.EscapedPath() + "?" + strings.ReplaceAll(q.Encode(), "%24", "$")
}

// expand answers $expand=members, owners or memberOf: up to 20 objects each, as Graph does.
func (c *call) expand(k *kind, out *jsondoc.Object, oid gatehouse.GUID) error {
	for _, name := range c.query.Expand {
		name, _, _ = strings.Cut(name, "(")
		s, ok := c.expansion(k, gatehouse.Fold(name), oid)
		if !ok {
			return gatehouse.Errorf(gatehouse.Invalid, codeQuery, "$expand of '%s' is not supported on '%s': use members, owners or memberOf, or a request of its own.", clip(name), k.name)
		}
		if err := c.mayExpand(k, gatehouse.Fold(name)); err != nil {
			return err
		}
		items, _, err := s.next("", 20)
		if err != nil {
			return err
		}
		values := make([]jsondoc.Value, len(items))
		for i, it := range items {
			values[i] = c.shown(s, it, nil)
		}
		out.Set(name, values)
	}
	return nil
}

// mayExpand asks for what a request of its own would need: who may see an object
// need not see its owners.
func (c *call) mayExpand(k *kind, name string) error {
	for _, r := range relations {
		if r.of == k && gatehouse.Fold(r.name) == name {
			return c.authorizeAction(k.name + "/" + r.name + "/read")
		}
	}
	return nil
}

func (c *call) expansion(k *kind, name string, oid gatehouse.GUID) (source, bool) {
	if name == "memberof" && k != applications {
		return c.these("directoryObjects", c.h.cfg.Index.GroupsOf(oid)), true
	}
	for _, r := range relations {
		if r.of == k && gatehouse.Fold(r.name) == name {
			return c.linked(r, oid), true
		}
	}
	return source{}, false
}

// linked is the objects that a relation holds.
func (c *call) linked(r *relation, holder gatehouse.GUID) source {
	key := r.of.id(holder).Scope()
	st := c.h.cfg.Store
	return source{
		name: "directoryObjects",
		next: func(after string, limit int) ([]item, string, error) {
			page, err := st.List(c.ctx(), store.Query{Type: r.doc, Parent: &key, After: after, Limit: limit})
			if err != nil {
				return nil, "", err
			}
			var items []item
			for _, d := range page.Documents {
				oid, ok := directory.ObjectOf(d.Key())
				if !ok {
					continue
				}
				it, ok, err := c.load(oid)
				if err != nil {
					return nil, "", err
				}
				if it.key = d.Key().String(); ok {
					items = append(items, it)
				}
			}
			return items, page.Next, nil
		},
		total: func() (int, error) { return st.Count(c.ctx(), store.Query{Type: r.doc, Parent: &key}) },
	}
}
