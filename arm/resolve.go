package arm

import (
	"net/url"
	"slices"
	"strings"
	"unicode/utf8"

	"gatehouse"
	"gatehouse/rbac/builtin"
)

// node is one place in a path: a fixed word or a parameter.
type node struct {
	word     string // canonical spelling; "" for a parameter
	children map[string]*node
	param    *node
	routes   map[string]*Route // by method
}

// Route is one method on one path: what Resolve finds and the route table lists.
type Route struct {
	Method   string
	Path     string // template with parameters in braces; starts with {scope} when mounted anywhere
	Action   string // RBAC action; "" when any authenticated caller may call
	Data     bool
	Verb     Verb
	TypeName string // Microsoft.ApiManagement/service/apis; "" for a Call
	Type     *Type
	Provider *Provider
	handler  Handler
	partial  bool
	at       *gatehouse.ID // authorized here, whatever the path says
	params   []string
	tail     int // how many parts of the path the name of a POST action takes
}

// Target is a resolved request: which route it takes and what it addresses.
type Target struct {
	Route  *Route
	ID     gatehouse.ID      // the resource; for lists and calls the longest part of the path that is one
	Path   string            // the requested path in canonical spelling, for messages
	Params map[string]string // by parameter name, decoded
}

// Collection reports whether the target is a list below ID.
func (t *Target) Collection() bool { return t.Route.Verb == List }

// tree holds all routes: those with a fixed start, and those mounted anywhere.
type tree struct {
	root     node
	anywhere node
	routes   []*Route
}

func (n *node) child(segment string) *node {
	if strings.HasPrefix(segment, "{") {
		if n.param == nil {
			n.param = &node{}
		}
		return n.param
	}
	if n.children == nil {
		n.children = map[string]*node{}
	}
	key := gatehouse.Fold(segment)
	c := n.children[key]
	if c == nil {
		c = &node{word: segment}
		n.children[key] = c
	}
	return c
}

func (t *tree) add(r *Route) {
	n, path := &t.root, r.Path
	if rest, ok := strings.CutPrefix(path, string(Anywhere)+"/providers/"); ok {
		n, path = &t.anywhere, rest
	}
	for _, segment := range strings.FieldsFunc(path, isSlash) {
		if strings.HasPrefix(segment, "{") {
			r.params = append(r.params, strings.Trim(segment, "{}"))
		}
		n = n.child(segment)
	}
	if n.routes == nil {
		n.routes = map[string]*Route{}
	}
	if other := n.routes[r.Method]; other != nil {
		panic("arm: two routes for " + r.Method + " " + r.Path)
	}
	n.routes[r.Method] = r
	t.routes = append(t.routes, r)
}

func isSlash(r rune) bool { return r == '/' }

// find walks segments from n; fixed words win over parameters.
func (n *node) find(segments []string, values, words []string) (*node, []string, []string) {
	if len(segments) == 0 {
		if n.routes == nil {
			return nil, nil, nil
		}
		return n, values, words
	}
	if c := n.children[gatehouse.Fold(segments[0])]; c != nil {
		if found, v, w := c.find(segments[1:], values, append(words, c.word)); found != nil {
			return found, v, w
		}
	}
	if n.param != nil {
		return n.param.find(segments[1:], append(values, segments[0]), append(words, segments[0]))
	}
	return nil, nil, nil
}

// segments cuts an escaped path into decoded segments; doubled and trailing slashes fold away.
func segments(escaped string) ([]string, error) {
	parts := strings.FieldsFunc(escaped, isSlash)
	if len(parts) > 64 || len(escaped) > 8192 {
		return nil, gatehouse.Errorf(gatehouse.Invalid, "InvalidRequestUri", "The request path is too long: at most 64 segments and 8192 bytes are accepted.")
	}
	for i, part := range parts {
		decoded, err := url.PathUnescape(part)
		if err != nil || !utf8.ValidString(decoded) {
			return nil, gatehouse.Errorf(gatehouse.Invalid, "InvalidRequestUri", "Segment %d of the request path is not percent-encoded UTF-8.", i+1)
		}
		if strings.ContainsAny(decoded, "/\\\x00") || decoded == "." || decoded == ".." || decoded == "" {
			return nil, gatehouse.Errorf(gatehouse.Invalid, "InvalidRequestUri", "Segment %d of the request path holds a slash, a backslash or a relative path.", i+1)
		}
		parts[i] = decoded
	}
	return parts, nil
}

// Resolve maps a method and an escaped path to what it addresses. It is pure: the
// server, the sweep, the route table and pipeline checks all ask it.
func (s *Server) Resolve(method, escapedPath string) (*Target, error) {
	parts, err := segments(escapedPath)
	if err != nil {
		return nil, err
	}
	n, values, words := s.tree.root.find(parts, nil, nil)
	before := 0
	if n == nil {
		n, values, words, before = s.tree.findAnywhere(parts)
	}
	if n == nil {
		return nil, s.unknownPath(parts)
	}
	route := n.routes[method]
	if route == nil {
		return nil, methodNotAllowed(method, n)
	}
	target := &Target{Route: route, Params: map[string]string{}}
	for i, name := range route.params {
		target.Params[name] = values[i]
	}
	if strings.Contains(route.Action, "{") {
		target.Route = route.named(target.Params)
	}
	full := append(slices.Clone(parts[:before]), words...)
	target.Path = "/" + strings.Join(full, "/")
	if target.ID, err = route.address(full); err != nil {
		return nil, err
	}
	if before > 0 || strings.HasPrefix(route.Path, string(Anywhere)) {
		target.Params["scope"] = "/" + strings.Join(parts[:max(before-1, 0)], "/")
		if before > 1 {
			if _, err := gatehouse.ParseID(target.Params["scope"]); err != nil {
				return nil, err
			}
		}
	}
	return target, err
}

// named is r with the parameters in its action replaced: {namespace}/register/action.
func (r *Route) named(params map[string]string) *Route {
	named := *r
	for name, value := range params {
		named.Action = strings.ReplaceAll(named.Action, "{"+name+"}", value)
	}
	named.Action = builtin.Canonical(named.Action)
	return &named
}

// findAnywhere matches what follows the last providers segment; everything before it is the scope.
func (t *tree) findAnywhere(parts []string) (n *node, values, words []string, before int) {
	for i := len(parts) - 2; i >= 0; i-- {
		if gatehouse.Fold(parts[i]) != "providers" || i%2 != 0 {
			continue
		}
		n, values, words = t.anywhere.find(parts[i+1:], nil, nil)
		parts[i] = "providers"
		return n, values, words, i + 1
	}
	return nil, nil, nil, 0
}

// address is what a path that took this route is about: what the caller has to have
// rights on, and what the handler acts on. For a declared type its place in the path
// follows from the verb; for a call it is the longest part that is a resource ID.
func (r *Route) address(path []string) (gatehouse.ID, error) {
	if err := gatehouse.CheckPath(strings.Join(path, "/")); err != nil {
		return gatehouse.ID{}, err
	}
	switch {
	case r.at != nil:
		return *r.at, nil
	case r.Type == nil:
		return longestID(path), nil
	case r.Verb == Post:
		path = path[:len(path)-r.tail]
	case r.Verb == List:
		path = path[:len(path)-1]
		if n := len(path) - 2; n >= 0 && n%2 == 0 && path[n] == "providers" {
			path = path[:n]
		}
	}
	return gatehouse.ParseID(strings.Join(path, "/"))
}

func longestID(path []string) gatehouse.ID {
	for n := len(path); n > 0; n-- {
		if id, err := gatehouse.ParseID(strings.Join(path[:n], "/")); err == nil {
			return id
		}
	}
	return gatehouse.ID{}
}

func methodNotAllowed(method string, n *node) error {
	var allowed []string
	for m := range n.routes {
		allowed = append(allowed, m)
	}
	slices.Sort(allowed)
	return &gatehouse.Error{Kind: gatehouse.Invalid, Status: 405, Code: "MethodNotAllowed", Target: strings.Join(allowed, ", "),
		Message: "The method " + method + " is not supported at this path; supported are " + strings.Join(allowed, ", ") + "."}
}

// unknownPath words the 404 for a path that no route has (clients.md section 4).
func (s *Server) unknownPath(parts []string) error {
	for i := len(parts) - 2; i >= 0; i-- {
		if gatehouse.Fold(parts[i]) != "providers" {
			continue
		}
		namespace := parts[i+1]
		p := s.provider(namespace)
		if p == nil {
			return gatehouse.Errorf(gatehouse.NotFound, "InvalidResourceNamespace", "The resource namespace '%s' is invalid.", clip(namespace))
		}
		types := []string{}
		for j := i + 2; j < len(parts); j += 2 {
			types = append(types, parts[j])
		}
		return gatehouse.Errorf(gatehouse.NotFound, "InvalidResourceType", "The resource type '%s' could not be found in the namespace '%s' for the requested path.",
			clip(strings.Join(types, "/")), p.Namespace)
	}
	return gatehouse.Errorf(gatehouse.NotFound, "NotFound", "There is nothing at this path. Check the URL against the resource type's documentation.")
}

func clip(s string) string {
	if len(s) > 200 {
		return s[:200] + "…"
	}
	return s
}
