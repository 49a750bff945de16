package apim

import (
	"slices"
	"strings"

	"gatehouse"
	"gatehouse/arm"
	"gatehouse/jsondoc"
	"gatehouse/store"
)

// contentTypes say what the items of the developer portal's content are. Nine are built
// in and cannot be changed; the names of others start with c-. Bodies are free JSON, and
// ids are short: /contentTypes/page (apim-control-plane.md 2.6; the built-in names and
// count are those of the .NET SDK's recorded ListContentType).
func contentTypes() *arm.Type {
	t := published("service/contentTypes", "", arm.Type{
		Noun: "ContentType", Name: arm.NameRule{Max: 80, Pattern: namePattern}, Always: builtInContent(), Foreign: []string{"properties"},
		Model: arm.NewModel("properties any required"),
		Hooks: arm.Hooks{Initial: initialContentType, Check: checkContentType, Delete: keepBuiltIn, Show: showContent},
		Holds: []*arm.Type{contentItems()},
	})
	t.Count = true
	return t
}

func contentItems() *arm.Type {
	t := published("service/contentTypes/contentItems", "", arm.Type{
		Noun: "ContentItem", Name: arm.NameRule{Max: 80, Pattern: namePattern}, Foreign: []string{"properties"},
		Model: arm.NewModel("properties any required"),
		Hooks: arm.Hooks{Check: checkContent, Show: showContent},
	})
	t.Count = true
	return t
}

// contentKinds are the built-in types: what each is for and the members of its items.
// Those that are localized keep theirs in a member per language.
var contentKinds = []struct {
	name, title, description, members string
	localized                         bool
}{
	{"page", "Page", "A page with an address", "title description keywords permalink documentId", true},
	{"document", "Document", "What a page, layout, block or popup consists of", "type nodes", false},
	{"layout", "Layout", "The frame of all pages whose address fits a template", "title description permalinkTemplate documentId", true},
	{"blogpost", "Blog post", "A page of a blog", "title description keywords permalink documentId", true},
	{"blob", "Blob", "A file, such as a picture", "blobId description keywords permalink downloadUrl fileName mimeType", false},
	{"url", "URL", "An address elsewhere", "title description permalink", false},
	{"navigation", "Navigation item", "A menu", "title description navigationItems", true},
	{"block", "Block", "A part of a page that can be used again", "title description documentId type", true},
	{"popup", "Popup", "A window over a page", "title description documentId", true},
}

func builtInContent() []string {
	var names []string
	for _, kind := range contentKinds {
		names = append(names, kind.name)
	}
	return names
}

func isBuiltIn(id gatehouse.ID) bool {
	return slices.ContainsFunc(builtInContent(), func(name string) bool { return strings.EqualFold(name, id.Name()) })
}

func initialContentType(_ *arm.Op, service *arm.Resource, name string) (*jsondoc.Object, error) {
	if err := inTier(service, "portal"); err != nil {
		return nil, err
	}
	for _, kind := range contentKinds {
		if kind.name == name {
			return object("properties", object("title", kind.title, "description", kind.description,
				"schema", contentSchema(kind.members, kind.localized), "version", "1.0.0")), nil
		}
	}
	return nil, nil
}

// contentSchema describes items for whoever edits them; Gatehouse does not hold them to it.
func contentSchema(members string, localized bool) *jsondoc.Object {
	properties := object()
	for _, name := range strings.Fields(members) {
		kind := "string"
		if name == "nodes" || name == "navigationItems" {
			kind = "array"
		}
		properties.Set(name, object("type", kind))
	}
	if localized {
		return object("properties", object("en_us", object("type", "object", "properties", properties)))
	}
	return object("properties", properties)
}

func checkContentType(op *arm.Op, tx *store.Tx, old, next *arm.Resource) error {
	if isBuiltIn(next.ID) {
		return builtInKept()
	}
	if !strings.HasPrefix(strings.ToLower(next.ID.Name()), "c-") {
		return validation("contentTypeId", "the name of a content type that is not built in has to start with c-")
	}
	return checkContent(op, tx, old, next)
}

func keepBuiltIn(op *arm.Op, _ *store.Tx, old *arm.Resource) error {
	if isBuiltIn(old.ID) && !cascaded(op, old) {
		return builtInKept()
	}
	return nil
}

func builtInKept() error {
	return refusal(gatehouse.Invalid, "ValidationError", "Built-in content types cannot be changed or deleted.")
}

func checkContent(op *arm.Op, tx *store.Tx, _, next *arm.Resource) error {
	if v, _ := next.Body.Get("properties"); next.Body.Object("properties") == nil {
		return validation("properties", "properties has to be an object; it is %s", jsondoc.KindOf(v))
	}
	service, err := op.Load(tx, serviceOf(next.ID))
	if err != nil {
		return err
	}
	return inTier(service, "portal")
}

func showContent(_ *arm.Op, r *arm.Resource, out *jsondoc.Object) { out.Set("id", shortID(r.ID)) }

// shortID is the part of an id below the service, with a slash before it.
func shortID(id gatehouse.ID) string {
	return strings.TrimPrefix(id.String(), serviceOf(id).String())
}
