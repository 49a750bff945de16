package resources

import (
	"slices"

	"gatehouse"
	"gatehouse/arm"
	"gatehouse/jsondoc"
	"gatehouse/store"
)

// tagNames are names prepared for use; the list adds those that are in use anyhow.
var tagNames = &arm.Type{
	Segment: "tagNames", Shape: "list put delete", NoBody: true, Name: arm.NameRule{Max: maxTagName}, Model: arm.NewModel(""),
	Do:    map[arm.Verb]arm.Handler{arm.List: listTagNames},
	Hooks: arm.Hooks{Delete: tagNameUnused, Show: showTagName},
	Holds: []*arm.Type{{
		Segment: "tagValues", Shape: "put delete", NoBody: true, Name: arm.NameRule{Max: maxTagValue}, Model: arm.NewModel(""),
		Hooks: arm.Hooks{Delete: tagValueUnused, Show: showTagValue},
	}},
}

func showTagName(op *arm.Op, r *arm.Resource, out *jsondoc.Object) {
	out.Delete("name")
	out.Delete("type")
	out.Set("tagName", r.ID.Name())
	out.Set("count", tagCount(0))
	out.Set("values", []jsondoc.Value{})
}

func showTagValue(_ *arm.Op, r *arm.Resource, out *jsondoc.Object) {
	out.Delete("name")
	out.Delete("type")
	out.Set("tagValue", r.ID.Name())
	out.Set("count", tagCount(0))
}

func tagCount(n int) *jsondoc.Object { return jsondoc.NewObject("type", "Total", "value", n) }

// tagUse counts the tags in a subscription: by folded name, then by value.
type tagUse struct {
	spelled map[string]string
	values  map[string]map[string]int
}

func (u *tagUse) add(name, value string, n int) {
	key := gatehouse.Fold(name)
	if u.values[key] == nil {
		u.values[key], u.spelled[key] = map[string]int{}, name
	}
	if value != "" || n > 0 {
		u.values[key][value] += n
	}
}

func countTags(op *arm.Op, from store.Reader, sub gatehouse.Scope) (*tagUse, error) {
	u := &tagUse{map[string]string{}, map[string]map[string]int{}}
	all, err := tracked(op, from, sub)
	if err != nil {
		return nil, err
	}
	groups, err := readAll(op, from, store.Query{Type: groupType, Under: &sub})
	if err != nil {
		return nil, err
	}
	for _, r := range append(all, groups...) {
		for name, value := range r.Body.Object("tags").All() {
			text, _ := value.(string)
			u.add(name, text, 1)
		}
	}
	return u, nil
}

func listTagNames(op *arm.Op) (*arm.Answer, error) {
	sub := op.ID.Scope()
	u, err := countTags(op, op.Store(), sub)
	if err != nil {
		return nil, err
	}
	for _, typ := range []string{"Microsoft.Resources/subscriptions/tagNames", "Microsoft.Resources/subscriptions/tagNames/tagValues"} {
		prepared, err := loadAll(op, store.Query{Type: typ, Under: &sub})
		if err != nil {
			return nil, err
		}
		for _, r := range prepared {
			if parent := r.ID.Parent(); parent.Scope() == sub {
				u.add(r.ID.Name(), "", 0)
			} else {
				u.add(parent.Name(), r.ID.Name(), 0)
			}
		}
	}
	return arm.ListOf(u.items(op.ID)), nil
}

func (u *tagUse) items(sub gatehouse.ID) (items []jsondoc.Value) {
	for _, key := range sorted(u.values) {
		total, values := 0, []jsondoc.Value{}
		id := sub.String() + "/tagNames/" + u.spelled[key]
		for _, value := range sorted(u.values[key]) {
			n := u.values[key][value]
			total += n
			values = append(values, jsondoc.NewObject("id", id+"/tagValues/"+value, "tagValue", value, "count", tagCount(n)))
		}
		items = append(items, jsondoc.NewObject("id", id, "tagName", u.spelled[key], "count", tagCount(total), "values", values))
	}
	return items
}

func sorted[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

func tagNameUnused(op *arm.Op, tx *store.Tx, old *arm.Resource) error {
	u, err := countTags(op, tx, old.ID.Parent().Scope())
	if err != nil || len(u.values[gatehouse.Fold(old.ID.Name())]) == 0 {
		return err
	}
	return tagInUse(old.ID.Name())
}

func tagValueUnused(op *arm.Op, tx *store.Tx, old *arm.Resource) error {
	name := old.ID.Parent()
	u, err := countTags(op, tx, name.Parent().Scope())
	if err != nil || u.values[gatehouse.Fold(name.Name())][old.ID.Name()] == 0 {
		return err
	}
	return tagInUse(name.Name() + "=" + old.ID.Name())
}

func tagInUse(tag string) error {
	return gatehouse.Errorf(gatehouse.Conflict, "TagInUse", "The tag '%s' is still on some resource or resource group. Remove it there first.", tag)
}
