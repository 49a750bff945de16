package config

import (
	"strings"

	"gatehouse"
)

// Key names an entity within its service: its resource ID below that of the service, folded,
// such as /apis/echo/operations/get. The key of the service itself is "".
type Key string

// KeyOf is the key of a relative ID as somebody wrote it.
func KeyOf(relative string) Key {
	return Key(gatehouse.Fold(strings.TrimRight(relative, "/")))
}

// Parent is the key of what holds the entity, "" for the service and what it holds itself.
func (k Key) Parent() Key {
	s := string(k)
	for range 2 {
		i := strings.LastIndexByte(s, '/')
		if i < 0 {
			return ""
		}
		s = s[:i]
	}
	return Key(s)
}

// Name is the last part of the key, folded; Base.Name has the name as it was written.
func (k Key) Name() string { return string(k[strings.LastIndexByte(string(k), '/')+1:]) }

// Child is the key of an entity that this one holds.
func (k Key) Child(segment, name string) Key {
	return k + "/" + Key(gatehouse.Fold(segment)) + "/" + Key(gatehouse.Fold(name))
}

// Workspace is the key of the workspace that the entity is in, or is; "" for none.
func (k Key) Workspace() Key {
	const first = "/workspaces/"
	if !strings.HasPrefix(string(k), first) {
		return ""
	}
	if end := strings.IndexByte(string(k[len(first):]), '/'); end >= 0 {
		return k[:len(first)+end]
	}
	return k
}

// Of is the key of the nearest entity of a family at or above k, such as the API of an
// operation's policy for "apis"; ok is false when there is none.
func (k Key) Of(family string) (of Key, ok bool) {
	for ; k != ""; k = k.Parent() {
		if k.family() == family {
			return k, true
		}
	}
	return "", false
}

func (k Key) family() string {
	s := string(k)
	if i := strings.LastIndexByte(s, '/'); i > 0 {
		s = s[:i]
	}
	return s[strings.LastIndexByte(s, '/')+1:]
}

// kind is the path of types of a key, without the workspace that the entity may be in: apis/operations.
func (k Key) kind() string {
	rest := string(k)
	if w := k.Workspace(); w != "" && w != k {
		rest = rest[len(w):]
	}
	var b strings.Builder
	for rest != "" {
		segment, after, _ := strings.Cut(rest[1:], "/")
		if b.Len() > 0 {
			b.WriteByte('/')
		}
		b.WriteString(segment)
		i := strings.IndexByte(after, '/')
		if i < 0 {
			break
		}
		rest = after[i:]
	}
	return b.String()
}
