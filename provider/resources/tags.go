package resources

import (
	"strings"
	"unicode/utf8"

	"gatehouse"
	"gatehouse/arm"
	"gatehouse/guard"
	"gatehouse/jsondoc"
	"gatehouse/store"
)

// Limits on tags, as Resource Manager documents them.
const (
	maxTags     = 50
	maxTagName  = 512
	maxTagValue = 256
)

// tags is an extension of whatever carries tags: it has no document of its own but
// reads and writes the tags member of what it extends. Microsoft.Resources/tags/write
// alone suffices, so that a Tag Contributor needs no right to the resource itself.
var tags = &arm.Type{
	Segment: "tags", Shape: "get put patch delete", Name: arm.NameRule{Only: []string{"default"}},
	Do: map[arm.Verb]arm.Handler{arm.Get: getTags, arm.Put: putTags, arm.Patch: patchTags, arm.Delete: deleteTags},
}

func getTags(op *arm.Op) (*arm.Answer, error) {
	r, err := tagged(op, op.Store())
	if err != nil {
		return nil, err
	}
	return arm.OK(tagsOf(r)), nil
}

// tagged loads what the addressed tags belong to.
func tagged(op *arm.Op, from store.Reader) (*arm.Resource, error) {
	if gatehouse.Fold(op.ID.Name()) != "default" {
		return nil, gatehouse.Errorf(gatehouse.Invalid, "InvalidResourceName", "The only tags of a scope are named default.")
	}
	target := op.ID.Parent()
	declared := op.Server.TypeOf(target.Type())
	if target.IsRoot() || declared == nil || !taggable(declared) {
		return nil, gatehouse.Errorf(gatehouse.Invalid, "InvalidTagScope", "The scope '%s' cannot have tags. Subscriptions, resource groups and resources with a location can.", target)
	}
	r, err := op.Load(from, target)
	if gatehouse.KindOf(err) == gatehouse.NotFound {
		return nil, missing(declared.Name, target)
	}
	return r, err
}

func taggable(d *arm.Declared) bool {
	return d.Type.Tracked || d.Name == guard.SubscriptionType || d.Name == groupType
}

// missing is the 404 for a scope that an extension was asked of.
func missing(typeName string, id gatehouse.ID) error {
	switch typeName {
	case guard.SubscriptionType:
		return arm.SubscriptionNotFound(id.Name())
	case groupType:
		return arm.GroupNotFound(id.Name())
	}
	return arm.ResourceNotFound(typeName, id)
}

func tagsOf(r *arm.Resource) *jsondoc.Object {
	set := &jsondoc.Object{}
	if own := r.Body.Object("tags"); own != nil {
		set = own.Clone()
	}
	return jsondoc.NewObject("id", r.ID.Extension(Namespace, "tags", "default").String(), "name", "default", "type", "Microsoft.Resources/tags",
		"properties", jsondoc.NewObject("tags", set))
}

func putTags(op *arm.Op) (*arm.Answer, error) {
	return changeTags(op, func(_ *jsondoc.Object, given *jsondoc.Object, _ string) (*jsondoc.Object, error) { return given, nil })
}

// patchTags merges, replaces or deletes (TagsPatchResource.operation).
func patchTags(op *arm.Op) (*arm.Answer, error) {
	return changeTags(op, func(old, given *jsondoc.Object, operation string) (*jsondoc.Object, error) {
		switch gatehouse.Fold(operation) {
		case "replace":
			return given, nil
		case "merge":
			for name, value := range given.All() {
				old.Set(name, value)
			}
			return old, nil
		case "delete":
			for name, value := range given.All() {
				if is, ok := old.Get(name); ok && (is == value || value == "" || value == nil) {
					old.Delete(name)
				}
			}
			return old, nil
		}
		return nil, gatehouse.Errorf(gatehouse.Invalid, "InvalidTagsOperation", "operation has to be Merge, Replace or Delete; it is '%s'.", operation).At("operation")
	})
}

func deleteTags(op *arm.Op) (*arm.Answer, error) {
	err := op.Write(nil, func(tx *store.Tx) error {
		r, err := tagged(op, tx)
		if err != nil {
			return err
		}
		r.Body.Delete("tags")
		return arm.Save(tx, r)
	})
	if err != nil {
		return nil, err
	}
	return &arm.Answer{Status: 200}, nil
}

// changeTags replaces the tags of what op addresses by what change makes of them.
func changeTags(op *arm.Op, change func(old, given *jsondoc.Object, operation string) (*jsondoc.Object, error)) (*arm.Answer, error) {
	body, err := op.Body()
	if err != nil {
		return nil, err
	}
	given := body.Object("properties.tags")
	if given == nil {
		given = &jsondoc.Object{}
	}
	if err := checkTags(given); err != nil {
		return nil, err
	}
	var r *arm.Resource
	err = op.Write(body, func(tx *store.Tx) error {
		if r, err = tagged(op, tx); err != nil {
			return err
		}
		old := &jsondoc.Object{}
		if own := r.Body.Object("tags"); own != nil {
			old = own.Clone()
		}
		next, err := change(old, given.Clone(), body.String("operation"))
		if err != nil {
			return err
		}
		if err := checkTags(next); err != nil {
			return err
		}
		r.Body.Set("tags", next)
		return arm.Save(tx, r)
	})
	if err != nil {
		return nil, err
	}
	return arm.OK(tagsOf(r)), nil
}

// checkTags applies the documented limits. Names compare without case, values with it.
func checkTags(o *jsondoc.Object) error {
	if o.Len() > maxTags {
		return gatehouse.Errorf(gatehouse.Invalid, "TooManyTags", "A resource can have at most %d tags; these are %d.", maxTags, o.Len()).At("tags")
	}
	seen := map[string]bool{}
	for name, value := range o.All() {
		text, ok := value.(string)
		switch {
		case value != nil && !ok:
			return gatehouse.Errorf(gatehouse.Invalid, "InvalidTagValue", "The value of the tag '%s' has to be a string.", name).At("tags." + name)
		case name == "" || utf8.RuneCountInString(name) > maxTagName || strings.ContainsAny(name, `<>%&\?/`):
			return gatehouse.Errorf(gatehouse.Invalid, "InvalidTagName", `The tag name '%s' is not valid: it needs 1 to %d characters and none of <>%%&\?/.`, name, maxTagName).At("tags")
		case utf8.RuneCountInString(text) > maxTagValue:
			return gatehouse.Errorf(gatehouse.Invalid, "InvalidTagValue", "The value of the tag '%s' is longer than %d characters.", name, maxTagValue).At("tags." + name)
		case seen[gatehouse.Fold(name)]:
			return gatehouse.Errorf(gatehouse.Invalid, "DuplicateTagName", "The tag '%s' is given twice; names differ by more than case.", name).At("tags")
		}
		seen[gatehouse.Fold(name)] = true
	}
	return nil
}
