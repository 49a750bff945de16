package directory

import (
	"slices"
	"strings"

	"gatehouse"
)

// linkTypes are the documents that join two objects: their parent is the group,
// application or service principal, their name the member or owner.
var linkTypes = []string{GroupMemberType, GroupOwnerType, ApplicationOwnerType, ServicePrincipalOwnerType}

func isLink(kind string) bool { return slices.Contains(linkTypes, kind) }

// links finds the link documents that name an object.
type links map[gatehouse.GUID][]gatehouse.Scope

func (l links) put(key gatehouse.Scope) {
	if oid, ok := ObjectOf(key); ok && !slices.Contains(l[oid], key) {
		l[oid] = append(l[oid], key)
	}
}

func (l links) drop(oid gatehouse.GUID, key gatehouse.Scope) {
	if rest := slices.DeleteFunc(slices.Clone(l[oid]), func(s gatehouse.Scope) bool { return s == key }); len(rest) > 0 {
		l[oid] = rest
	} else {
		delete(l, oid)
	}
}

// Links returns the keys of the documents that make an object a member or an
// owner of others. Whoever deletes the object deletes these in the same write.
func (x *Index) Links(oid gatehouse.GUID) []gatehouse.Scope {
	x.mu.RLock()
	defer x.mu.RUnlock()
	return slices.Clone(x.links[oid])
}

// GroupsOf returns the groups that an object is a direct member of.
func (x *Index) GroupsOf(oid gatehouse.GUID) []gatehouse.GUID {
	return holders(x.Links(oid), "members")
}

// AllGroupsOf returns the groups that an object is a member of, directly or
// through groups in groups. Cycles are fine.
func (x *Index) AllGroupsOf(oid gatehouse.GUID) []gatehouse.GUID {
	var all []gatehouse.GUID
	seen := map[gatehouse.GUID]bool{oid: true}
	for queue := x.GroupsOf(oid); len(queue) > 0; queue = queue[1:] {
		if g := queue[0]; !seen[g] {
			seen[g] = true
			all = append(all, g)
			queue = append(queue, x.GroupsOf(g)...)
		}
	}
	return all
}

// OwnedBy returns the groups, applications and service principals that an object owns.
func (x *Index) OwnedBy(oid gatehouse.GUID) []gatehouse.Scope {
	var owned []gatehouse.Scope
	for _, key := range x.Links(oid) {
		if strings.Contains(key.Type(), "/owners") {
			owned = append(owned, key.Parent())
		}
	}
	return owned
}

func holders(keys []gatehouse.Scope, relation string) []gatehouse.GUID {
	var ids []gatehouse.GUID
	for _, key := range keys {
		if oid, ok := ObjectOf(key.Parent()); ok && strings.HasSuffix(key.Type(), "/"+relation) {
			ids = append(ids, oid)
		}
	}
	return ids
}

// ByDisplayName returns the objects of a type (UserType, GroupType,
// ApplicationType, ServicePrincipalType) with that display name, in any casing.
func (x *Index) ByDisplayName(kind, text string) []gatehouse.GUID {
	x.mu.RLock()
	defer x.mu.RUnlock()
	return slices.Clone(x.names[displayed(kind, text)])
}

// ByDisplayNamePrefix is ByDisplayName for names that start with prefix, which is
// not empty. It looks at every name in memory, which is some thousand times
// cheaper than reading every object.
func (x *Index) ByDisplayNamePrefix(kind, prefix string) []gatehouse.GUID {
	x.mu.RLock()
	defer x.mu.RUnlock()
	want := displayed(kind, prefix).text
	var ids []gatehouse.GUID
	for n, holders := range x.names {
		if n.kind == byDisplayName && strings.HasPrefix(n.text, want) {
			ids = append(ids, holders...)
		}
	}
	return ids
}

func displayed(kind, text string) name {
	if text == "" {
		return name{}
	}
	return name{byDisplayName, kind + "\x00" + gatehouse.Fold(text)}
}
