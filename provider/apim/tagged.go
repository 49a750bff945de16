package apim

import (
	"strings"

	"gatehouse"
	"gatehouse/arm"
	"gatehouse/jsondoc"
	"gatehouse/store"
)

// apisByTags and its like list pairs of a tag and what has it, first those, then, when
// asked for, what has none (apim-control-plane.md 1.5 and 2.2). Pairs come in the order of what
// is tagged; ids in them are relative (1.6).
func apisByTags() *arm.Type {
	return byTags("service/apisByTags", "includeNotTaggedApis", "apis", "api")
}

func productsByTags() *arm.Type {
	return byTags("service/productsByTags", "includeNotTaggedProducts", "products", "product")
}

func operationsByTags() *arm.Type {
	return byTags("service/apis/operationsByTags", "includeNotTaggedOperations", "operations", "operation")
}

func byTags(path, option, family, member string) *arm.Type {
	return pairs(path, func(op *arm.Op) (*arm.Answer, error) {
		parts := []arm.Part{taggedPart(op, family, member)}
		if strings.EqualFold(op.Query.Get(option), "true") {
			parts = append(parts, untaggedPart(op, family, member))
		}
		return listPairs(op, parts)
	})
}

// tagResources are all pairs of a service: APIs, operations, products.
func tagResources() *arm.Type {
	return pairs("service/tagResources", func(op *arm.Op) (*arm.Answer, error) {
		return listPairs(op, []arm.Part{taggedPart(op, "apis", "api"), taggedPart(op, "apis/operations", "operation"), taggedPart(op, "products", "product")})
	})
}

func pairs(path string, list arm.Handler) *arm.Type {
	return published(path, "", arm.Type{Noun: "Tag", Do: map[arm.Verb]arm.Handler{arm.List: list}, Hooks: arm.Hooks{Field: pairField}})
}

func listPairs(op *arm.Op, parts []arm.Part) (*arm.Answer, error) {
	if err := op.Exists(op.Store(), op.ID); err != nil {
		return nil, err
	}
	return op.PageParts(parts, func(r *arm.Resource) *jsondoc.Object { return r.Body })
}

func taggedPart(op *arm.Op, family, member string) arm.Part {
	under := op.ID.Scope()
	p := pairing{op: op, member: member}
	return arm.Part{Query: store.Query{Type: op.ID.Type() + "/" + family + "/tags", Under: &under}, From: p.tagged}
}

func untaggedPart(op *arm.Op, family, member string) arm.Part {
	parent := op.ID.Scope()
	p := pairing{op: op, member: member}
	return arm.Part{Query: store.Query{Type: op.ID.Type() + "/" + family, Parent: &parent}, From: p.untagged, Keep: p.hasNone}
}

// pairing makes the items. What is tagged comes in order, so the API of the last one is kept.
type pairing struct {
	op     *arm.Op
	member string
	api    *arm.Resource
}

func (p *pairing) tagged(d *store.Document) (*arm.Resource, error) {
	tag, err := p.op.Load(p.op.Store(), tagOf(d.ID))
	if err != nil {
		return nil, err
	}
	target, err := p.op.Load(p.op.Store(), d.ID.Parent())
	if err != nil {
		return nil, err
	}
	pair, err := p.pair(target)
	if err != nil {
		return nil, err
	}
	body := object("tag", object("id", relative(tag.ID), "name", tag.Props().String("displayName")))
	for name, value := range pair.Body.All() {
		body.Set(name, value)
	}
	pair.Body = body
	return pair, nil
}

func (p *pairing) untagged(d *store.Document) (*arm.Resource, error) {
	target, err := arm.FromDocument(d)
	if err != nil {
		return nil, err
	}
	return p.pair(target)
}

func (p *pairing) hasNone(pair *arm.Resource) bool {
	parent := pair.ID.Scope()
	n, err := p.op.Store().Count(p.op.Context, store.Query{Type: pair.Type + "/tags", Parent: &parent})
	return err == nil && n == 0
}

// Members that a pair shows of what it names, in the order of the published models.
var pairMembers = map[string]string{
	"api": "description authenticationSettings subscriptionKeyParameterNames type apiRevision apiVersion isCurrent isOnline apiRevisionDescription " +
		"apiVersionDescription apiVersionSetId subscriptionRequired termsOfServiceUrl contact license serviceUrl path protocols",
	"operation": "description method urlTemplate",
	"product":   "description terms subscriptionRequired approvalRequired subscriptionsLimit state",
}

func (p *pairing) pair(target *arm.Resource) (*arm.Resource, error) {
	props := target.Props()
	out := object("id", relative(target.ID), "name", props.String("displayName"))
	if p.member == "operation" {
		api, err := p.apiOf(target.ID)
		if err != nil {
			return nil, err
		}
		out.Set("apiName", api.Props().String("displayName"))
		copyMembers(out, api.Props(), "apiRevision apiVersion")
	}
	copyMembers(out, props, pairMembers[p.member])
	return &arm.Resource{ID: target.ID, Type: target.Type, Body: object(p.member, out)}, nil
}

func (p *pairing) apiOf(operation gatehouse.ID) (*arm.Resource, error) {
	if p.api == nil || p.api.ID.Scope() != operation.Parent().Scope() {
		api, err := p.op.Load(p.op.Store(), operation.Parent())
		if err != nil {
			return nil, err
		}
		p.api = api
	}
	return p.api, nil
}

func copyMembers(to, from *jsondoc.Object, names string) {
	for name := range strings.FieldsSeq(names) {
		if v, ok := from.Get(name); ok && v != nil {
			to.Set(name, v)
		}
	}
}

// pairField lets $filter name what a pair shows, and the names behind it: name and aid are
// those in the ids, displayName and apiName those that people read.
func pairField(r *arm.Resource, field string) (any, bool) {
	for member := range pairMembers {
		o := r.Body.Object(member)
		if o == nil {
			continue
		}
		switch {
		case strings.EqualFold(field, "name"):
			return lastPart(o.String("id")), true
		case strings.EqualFold(field, "displayName"), strings.EqualFold(field, "apiName") && member == "api":
			return o.String("name"), true
		case strings.EqualFold(field, "aid") && member != "product":
			return strings.Split(o.String("id"), "/")[2], true
		}
		v, _ := o.Get(field)
		return v, true
	}
	return nil, true
}

// markedWith is the option tags=a,b of lists of what can have tags: only what has one
// of them, by its name or display name. ok is false when it was not given.
func markedWith(op *arm.Op) (parts []arm.Part, ok bool, err error) {
	given := strings.FieldsFunc(op.Query.Get("tags"), func(r rune) bool { return r == ',' })
	if len(given) == 0 {
		return nil, false, nil
	}
	tags, err := tagsNamed(op, given)
	under := op.ID.Scope()
	for i, tag := range tags {
		parts = append(parts, arm.Part{
			Query: store.Query{Type: op.Route.TypeName + "/tags", Under: &under, Name: tag},
			From:  func(d *store.Document) (*arm.Resource, error) { return op.Load(op.Store(), d.ID.Parent()) },
			Keep:  func(r *arm.Resource) bool { return !hasTag(op, r, tags[:i]) },
		})
	}
	return parts, true, err
}

func hasTag(op *arm.Op, r *arm.Resource, tags []string) bool {
	for _, tag := range tags {
		if _, err := op.Store().Get(op.Context, r.ID.Child("tags", tag).Scope()); err == nil {
			return true
		}
	}
	return false
}

// tagsNamed are the tags that somebody means, by their names.
func tagsNamed(op *arm.Op, given []string) (names []string, err error) {
	holder := holderOf(op.ID)
	scope := holder.Scope()
	page, err := op.Store().List(op.Context, store.Query{Type: holder.Type() + "/tags", Parent: &scope})
	if err != nil {
		return nil, err
	}
	for _, d := range page.Documents {
		tag, err := arm.FromDocument(d)
		if err != nil {
			return nil, err
		}
		for _, name := range given {
			name = strings.TrimSpace(name)
			if strings.EqualFold(name, tag.ID.Name()) || strings.EqualFold(name, tag.Props().String("displayName")) {
				names = append(names, tag.ID.Name())
				break
			}
		}
	}
	return names, nil
}

// listMarked is the list of a type with the option tags.
func listMarked(op *arm.Op) (*arm.Answer, error) {
	parts, ok, err := markedWith(op)
	if err != nil {
		return nil, err
	}
	if !ok {
		return op.ListAsUsual()
	}
	if err := op.Exists(op.Store(), op.ID); err != nil {
		return nil, err
	}
	return op.PageParts(parts, nil)
}

// tagDescriptions say what a tag means in an API (apim-control-plane.md 2.2). The name is the
// tag's, and they go with it; whether the API has the tag does not matter.
func tagDescriptions() *arm.Type {
	return published("service/apis/tagDescriptions", "", arm.Type{
		Noun: "TagDescription", Name: arm.NameRule{Max: 80, Pattern: namePattern},
		Hooks: arm.Hooks{Check: tagExists, Behind: describedTag},
	})
}

func tagExists(op *arm.Op, tx *store.Tx, _, next *arm.Resource) error {
	return entityExists(op, tx, tagOf(next.ID), "Tag")
}

func describedTag(op *arm.Op, from store.Reader, d *arm.Resource) (*arm.Resource, error) {
	tag, err := op.Load(from, tagOf(d.ID))
	if err != nil {
		return nil, err
	}
	shown := d.Clone()
	props := shown.Props()
	props.Set("tagId", tag.ID.String())
	props.Set("displayName", tag.Props().String("displayName"))
	for _, member := range []string{"description", "externalDocsUrl", "externalDocsDescription"} {
		if !props.Has(member) {
			props.Set(member, nil)
		}
	}
	return shown, nil
}

// dropTag takes along what APIs say about the tag.
func dropTag(op *arm.Op, tx *store.Tx, tag *arm.Resource) error {
	if cascaded(op, tag) {
		return nil
	}
	holder := tag.ID.Parent().Scope()
	page, err := tx.List(op.Context, store.Query{Type: typeBeside(tag, "apis/tagDescriptions"), Under: &holder, Name: tag.ID.Name()})
	if err != nil {
		return err
	}
	for _, d := range page.Documents {
		if err := op.DeleteTree(tx, d.ID); err != nil {
			return err
		}
	}
	return nil
}

// listTags is the list of tags with the option scope: those that something has which is in
// it: apis, products, or one API with its operations (apis/x).
func listTags(op *arm.Op) (*arm.Answer, error) {
	scope := strings.Trim(op.Query.Get("scope"), "/")
	if scope == "" {
		return op.ListAsUsual()
	}
	in, err := tagScope(op, scope)
	if err != nil {
		return nil, err
	}
	if err := op.Exists(op.Store(), op.ID); err != nil {
		return nil, err
	}
	parent := op.ID.Scope()
	return op.Page(store.Query{Type: op.Route.TypeName, Parent: &parent}, func(tag *arm.Resource) bool {
		for _, q := range in {
			q.Name = tag.ID.Name()
			if n, err := op.Store().Count(op.Context, q); err == nil && n > 0 {
				return true
			}
		}
		return false
	})
}

func tagScope(op *arm.Op, scope string) ([]store.Query, error) {
	family, name, one := strings.Cut(scope, "/")
	under := op.ID.Scope()
	if one {
		id, ok := referred(op.ID, scope, family)
		if !ok || name == "" {
			return nil, validation("scope", "'%s' is no scope of tags; write apis, products, apis/{name} or products/{name}", scope)
		}
		under = id.Scope()
	}
	switch strings.ToLower(family) {
	case "apis":
		return []store.Query{{Type: op.ID.Type() + "/apis/tags", Under: &under}, {Type: op.ID.Type() + "/apis/operations/tags", Under: &under}}, nil
	case "products":
		return []store.Query{{Type: op.ID.Type() + "/products/tags", Under: &under}}, nil
	}
	return nil, validation("scope", "'%s' is no scope of tags; write apis, products, apis/{name} or products/{name}", scope)
}
