package access

import (
	"slices"
	"strings"
	"sync"
	"time"

	"gatehouse"
	"gatehouse/directory"
	"gatehouse/rbac"
	"gatehouse/rbac/builtin"
	"gatehouse/world"
)

// View is one moment's access, and what of it may be shown.
type View struct {
	Snapshot *rbac.Snapshot
	Now      time.Time
	// Principal returns what is known of a principal; nil knows nobody.
	Principal func(gatehouse.GUID) (world.Principal, bool)
	// Complete says that whom Principal does not know was deleted.
	Complete bool
	// Eligible are roles that could be activated and are not.
	Eligible []world.Assignment
	// Attributes are what conditions read as @Principal; nil for none.
	Attributes func(gatehouse.GUID) map[string]any
	// Private says that the values of attributes of people are not for who asks.
	Private bool
	// Made is when a role assignment was created, the zero time when that is not known; nil never knows.
	Made func(gatehouse.RoleAssignment) time.Time
	// Reads reports whether grants made at a scope may be shown; nil shows all.
	Reads func(gatehouse.Scope) bool
	// Self is who asks. With Nameless only its own name and groups are shown, not those of others.
	Self     gatehouse.GUID
	Nameless bool
	// Written is a scope's ID as it was written; nil spells only its fixed words.
	Written func(gatehouse.Scope) string
	// Spell is the name that a subscription or management group is known by, "" for its ID; nil knows none.
	Spell func(gatehouse.Scope) string
}

// Of is the View of a world: all of it may be shown.
func Of(w *world.World, now time.Time) *View {
	engine := w.Engine()
	for _, o := range builtin.Operations() {
		engine.Actions = append(engine.Actions, o.Name)
	}
	people := make(map[gatehouse.GUID]*world.Principal, len(w.Principals))
	for i := range w.Principals {
		people[w.Principals[i].ID] = &w.Principals[i]
	}
	made := map[key]time.Time{}
	for _, a := range w.Assignments {
		made[key{a.Scope, a.ID}] = a.CreatedOn
	}
	return &View{
		Snapshot: rbac.New(engine), Now: now, Complete: w.Complete, Eligible: w.Eligibilities,
		Principal: func(id gatehouse.GUID) (world.Principal, bool) {
			p, ok := people[id]
			if label, labelled := w.Labels[id]; !ok || labelled && p.Name == "" && p.Display == "" {
				if !labelled {
					return world.Principal{}, false
				}
				out := world.Principal{ID: id, Type: gatehouse.UnknownPrincipal}
				if ok {
					out = *p
				}
				out.Name = label
				return out, ok
			}
			return *p, true
		},
		Attributes: func(id gatehouse.GUID) map[string]any {
			if p, ok := people[id]; ok {
				return p.Attributes
			}
			return nil
		},
		Made:    func(a gatehouse.RoleAssignment) time.Time { return made[key{a.Scope, a.ID}] },
		Written: func(s gatehouse.Scope) string { return w.Spelling[s] },
	}
}

type key struct {
	scope gatehouse.Scope
	id    gatehouse.GUID
}

// Who is a principal with its name, as far as that may be shown.
type Who struct {
	ID   gatehouse.GUID `json:"id"`
	Name string         `json:"name,omitempty"`
	Type string         `json:"type,omitempty"`
}

// String is the name, or the object ID where there is none.
func (w Who) String() string {
	if w.Name != "" {
		return w.Name
	}
	return w.ID.String()
}

// Where is a scope with the name that people know it by.
type Where struct {
	ID   string `json:"id"`
	Name string `json:"name"`
}

func (v *View) principal(id gatehouse.GUID) (world.Principal, bool) {
	if v.Principal == nil {
		return world.Principal{}, false
	}
	return v.Principal(id)
}

// named reports whether a principal's name may be shown.
func (v *View) named(id gatehouse.GUID) bool { return !v.Nameless || id == v.Self }

func (v *View) who(id gatehouse.GUID) Who {
	out := Who{ID: id}
	switch p, ok := v.principal(id); {
	case id.IsZero():
		out.Name, out.Type = "everyone", string(gatehouse.SystemDefined)
	case (ok || p.Name != "") && v.named(id):
		out.Name, out.Type = nameOf(p), string(p.Type)
	case !ok && v.Complete:
		out.Type = string(gatehouse.UnknownPrincipal)
	}
	return out
}

// nameOf is a user's sign-in name and the display name of others.
func nameOf(p world.Principal) string {
	if p.Type != gatehouse.User && p.Display != "" {
		return p.Display
	}
	if p.Name != "" {
		return p.Name
	}
	return p.Display
}

func (v *View) path(ids []gatehouse.GUID) []Who {
	out := make([]Who, len(ids))
	for i, id := range ids {
		out[i] = v.who(id)
	}
	return out
}

func (v *View) reads(s gatehouse.Scope) bool { return v.Reads == nil || v.Reads(s) }

// where names a scope: "resource group rg-apis", "contoso-apim/apis/calculator".
func (v *View) where(s gatehouse.Scope) Where {
	return Where{ID: v.spelled(s), Name: v.place(s)}
}

// spelled is a scope's ID as it was written, where that is known.
func (v *View) spelled(s gatehouse.Scope) string {
	if v.Written != nil {
		if text := v.Written(s); text != "" {
			return text
		}
	}
	return Spelled(s)
}

func (v *View) place(s gatehouse.Scope) string {
	spell := func(fallback string) string {
		if v.Spell != nil {
			if name := v.Spell(s); name != "" {
				return name
			}
		}
		return fallback
	}
	if s.IsRoot() {
		return "the tenant root"
	}
	if s == directory.Root().Scope() {
		return "the directory"
	}
	if id, ok := directory.ObjectOf(s); ok && directory.Root().Scope().Contains(s) {
		who := v.who(id)
		return strings.TrimSpace(strings.ToLower(who.Type) + " " + who.String())
	}
	text := v.spelled(s)
	if group, ok := s.ManagementGroup(); ok && group == s {
		return "management group " + spell(text[strings.LastIndexByte(text, '/')+1:])
	}
	if sub, ok := s.Subscription(); ok && sub == s {
		return "subscription " + spell(text[strings.LastIndexByte(text, '/')+1:])
	}
	if group, ok := s.ResourceGroup(); ok && group == s {
		return "resource group " + text[strings.LastIndexByte(text, '/')+1:]
	}
	return Short(text)
}

// Short is a resource by the names in its ID, without what people know anyway: contoso-apim/apis/calculator.
func Short(text string) string {
	last := strings.LastIndex(text, "/providers/")
	if last < 0 {
		return text[strings.LastIndexByte(text, '/')+1:]
	}
	parts := strings.Split(text[last+len("/providers/"):], "/")
	if len(parts) < 3 {
		return text
	}
	return strings.Join(parts[2:], "/")
}

// Spelled is a folded scope with its fixed words as they are published.
func Spelled(s gatehouse.Scope) string {
	id, err := gatehouse.ParseID(s.String())
	if err != nil {
		return s.String()
	}
	parts := strings.Split(id.String(), "/")
	for i := 1; i < len(parts); i++ {
		if parts[i] != "providers" || i+1 >= len(parts) {
			continue
		}
		p, ok := builtin.ProviderNamed(parts[i+1])
		if !ok {
			continue
		}
		parts[i+1] = p.Namespace
		for j := i + 2; j < len(parts) && parts[j] != "providers"; j += 2 {
			if word, ok := words()[parts[j]]; ok {
				parts[j] = word
			}
		}
	}
	return strings.Join(parts, "/")
}

// words are the segments of the known types, by their folded form.
var words = sync.OnceValue(func() map[string]string {
	out := map[string]string{}
	for _, p := range builtin.Providers() {
		for _, t := range p.Types {
			for word := range strings.SplitSeq(t.Name, "/") {
				out[gatehouse.Fold(word)] = word
			}
		}
	}
	return out
})

// request is a question to the engine, with the time and the principal's attributes filled in.
func (v *View) request(q Question) *gatehouse.Request {
	attributes := q.Attributes
	if v.Attributes != nil {
		if own := v.Attributes(q.Principal); own != nil {
			with := gatehouse.Attributes{}
			if attributes != nil {
				with = *attributes
			}
			if with.Principal == nil {
				with.Principal = own
			}
			attributes = &with
		}
	}
	return &gatehouse.Request{Principal: q.Principal, Action: q.Action, Data: q.Data, Scope: q.Scope, SubOperation: q.SubOperation, Attributes: attributes, Now: v.Now}
}

// members counts the users and service principals in a group, nested ones included; others count as one.
func (v *View) members(of gatehouse.GUID) int {
	seen := map[gatehouse.GUID]bool{of: true}
	n := 0
	for queue := []gatehouse.GUID{of}; len(queue) > 0; queue = queue[1:] {
		inside := v.Snapshot.Members(queue[0])
		p, known := v.principal(queue[0])
		if len(inside) == 0 && !(known && p.Type == gatehouse.Group) {
			n++
		}
		for _, m := range inside {
			if !seen[m] {
				seen[m] = true
				queue = append(queue, m)
			}
		}
	}
	return n
}

func contains[T comparable](list []T, v T) bool { return slices.Contains(list, v) }
