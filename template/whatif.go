package template

import (
	"strconv"

	"gatehouse/jsondoc"
)

// The change types of what-if: of resources, and of properties (PropertyChangeType).
const (
	ChangeCreate   = "Create"
	ChangeDelete   = "Delete"
	ChangeModify   = "Modify"
	ChangeNone     = "NoChange"
	ChangeIgnore   = "Ignore" // there, not in the template, and left alone
	ChangeDeploy   = "Deploy" // written, and nothing is known of the difference
	ChangeArray    = "Array"
	ChangeNoEffect = "NoEffect"
)

// PropertyChange is one entry of delta in a what-if result. Properties of objects
// have dotted paths; elements of an array are children with their index as path.
type PropertyChange struct {
	Path     string           `json:"path"`
	Type     string           `json:"propertyChangeType"`
	Before   Value            `json:"before"`
	After    Value            `json:"after"`
	Children []PropertyChange `json:"children"`
}

// Diff returns what changes from one state of a resource to another. serverSide
// tells paths that a request does not set, such as properties.createdAt: what is
// there stays, and setting it has no effect. It may be nil.
func Diff(before, after *jsondoc.Object, serverSide func(path string) bool) []PropertyChange {
	if serverSide == nil {
		serverSide = func(string) bool { return false }
	}
	return diffObjects(nil, "", before, after, serverSide)
}

// ChangeType names the change of a resource; nil objects are absent ones.
func ChangeType(before, after *jsondoc.Object, delta []PropertyChange) string {
	switch {
	case before == nil && after == nil:
		return ChangeNone
	case before == nil:
		return ChangeCreate
	case after == nil:
		return ChangeDelete
	}
	for _, d := range delta {
		if d.Type != ChangeNoEffect {
			return ChangeModify
		}
	}
	return ChangeNone
}

func diffObjects(delta []PropertyChange, path string, before, after *jsondoc.Object, serverSide func(string) bool) []PropertyChange {
	for name, was := range before.All() {
		at := dotted(path, name)
		will, stays := after.Get(name)
		switch {
		case stays:
			delta = diffValues(delta, at, was, will, serverSide)
		case was != nil && !serverSide(at):
			delta = append(delta, PropertyChange{Path: at, Type: ChangeDelete, Before: was})
		}
	}
	for name, will := range after.All() {
		if before.Has(name) || will == nil {
			continue
		}
		at := dotted(path, name)
		kind := ChangeCreate
		if serverSide(at) {
			kind = ChangeNoEffect
		}
		delta = append(delta, PropertyChange{Path: at, Type: kind, After: will})
	}
	return delta
}

func dotted(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}

func diffValues(delta []PropertyChange, path string, was, will Value, serverSide func(string) bool) []PropertyChange {
	if jsondoc.Equal(was, will) {
		return delta
	}
	if serverSide(path) {
		return append(delta, PropertyChange{Path: path, Type: ChangeNoEffect, Before: was, After: will})
	}
	a, isObject := was.(*jsondoc.Object)
	b, isObject2 := will.(*jsondoc.Object)
	if isObject && isObject2 {
		return diffObjects(delta, path, a, b, serverSide)
	}
	x, isArray := was.([]Value)
	y, isArray2 := will.([]Value)
	if isArray && isArray2 {
		return append(delta, PropertyChange{Path: path, Type: ChangeArray, Children: diffArrays(x, y)})
	}
	return append(delta, PropertyChange{Path: path, Type: ChangeModify, Before: was, After: will})
}

// diffArrays compares element by element. Within an element paths start anew.
func diffArrays(was, will []Value) []PropertyChange {
	var delta []PropertyChange
	for i := range max(len(was), len(will)) {
		path := strconv.Itoa(i)
		switch {
		case i >= len(was):
			delta = append(delta, PropertyChange{Path: path, Type: ChangeCreate, After: will[i]})
		case i >= len(will):
			delta = append(delta, PropertyChange{Path: path, Type: ChangeDelete, Before: was[i]})
		case !jsondoc.Equal(was[i], will[i]):
			delta = append(delta, diffElement(path, was[i], will[i]))
		}
	}
	return delta
}

func diffElement(path string, was, will Value) PropertyChange {
	a, ok := was.(*jsondoc.Object)
	b, ok2 := will.(*jsondoc.Object)
	if ok && ok2 {
		return PropertyChange{Path: path, Type: ChangeModify, Children: Diff(a, b, nil)}
	}
	return PropertyChange{Path: path, Type: ChangeModify, Before: was, After: will}
}
