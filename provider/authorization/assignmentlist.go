package authorization

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"gatehouse"
	"gatehouse/arm"
	"gatehouse/jsondoc"
	"gatehouse/odata"
	"gatehouse/store"
)

// assignmentPage is how many assignments a list answers at most before it gives a nextLink.
const assignmentPage = 1000

// selection is what a list of role or deny assignments asks for (rbac.md 6.2).
type selection struct {
	atScope    bool
	assignedTo map[gatehouse.GUID]bool // a principal and its transitive groups
	filter     *odata.Filter
}

func (p *provider) selection(op *arm.Op, fields string) (*selection, error) {
	s := &selection{}
	text := op.Query.Get("$filter")
	if strings.TrimSpace(text) == "" {
		if op.ID.IsRoot() {
			return nil, invalid("UnsupportedQuery", "A list of role assignments at the root needs a $filter such as atScope() or principalId eq '{objectId}'.").At("$filter")
		}
		return s, nil
	}
	rules := odata.Names(fields)
	rules.Or, rules.Not, rules.Functions = false, false, "atScope assignedTo"
	f, err := odata.ParseFilter(text, rules)
	if err != nil {
		return nil, err
	}
	s.filter, s.atScope = f, f.Calls("atScope")
	if id, ok := f.Argument("assignedTo"); ok {
		principal, err := gatehouse.ParseGUID(id)
		if err != nil {
			return nil, err
		}
		s.assignedTo = map[gatehouse.GUID]bool{principal: true}
		for _, g := range p.Guard.Snapshot().Groups(principal) {
			s.assignedTo[g] = true
		}
	}
	return s, nil
}

func (s *selection) match(r *arm.Resource) bool {
	props := r.Props()
	if s.assignedTo != nil {
		id, err := gatehouse.ParseGUID(props.String("principalId"))
		if err != nil || !s.assignedTo[id] {
			return false
		}
	}
	return s.filter.Match(props.Lookup)
}

func (p *provider) listAssignments(op *arm.Op) (*arm.Answer, error) {
	s, err := p.selection(op, "principalId roleDefinitionId principalType")
	if err != nil {
		return nil, err
	}
	return p.listAround(op, roleAssignmentType, s.atScope, s.match, showAssignment)
}

// listAround answers the documents of a type at a scope, above it, and below it
// unless atScope. The pages run through the ancestors first, nearest first, and
// then through what lies below; a token names the source and the last key.
func (p *provider) listAround(op *arm.Op, kind string, atScope bool, keep func(*arm.Resource) bool, show func(*arm.Op, *arm.Resource) *jsondoc.Object) (*arm.Answer, error) {
	sources, err := p.sources(op, op.ID.Scope(), kind, atScope)
	if err != nil {
		return nil, err
	}
	at, after, err := readPlace(op, len(sources))
	if err != nil {
		return nil, err
	}
	items := []jsondoc.Value{}
	for ; at < len(sources); at, after = at+1, "" {
		q := sources[at]
		for q.After = after; ; {
			q.Limit = assignmentPage
			page, err := op.Store().List(op.Context, q)
			if err != nil {
				return nil, err
			}
			for _, d := range page.Documents {
				r, err := arm.FromDocument(d)
				if err != nil {
					return nil, err
				}
				if keep(r) {
					items = append(items, show(op, r))
				}
				if len(items) == assignmentPage {
					return withNext(op, items, at, d.Key().String()), nil
				}
			}
			if q.After = page.Next; q.After == "" {
				break
			}
		}
	}
	return arm.ListOf(items), nil
}

// sources are the store queries that cover a scope: one for each level above, then everything at and below.
func (p *provider) sources(op *arm.Op, scope gatehouse.Scope, kind string, atScope bool) ([]store.Query, error) {
	var out []store.Query
	for i, above := range p.Guard.Snapshot().Ancestors(scope) {
		if i == 0 && !atScope {
			continue
		}
		out = append(out, store.Query{Type: kind, Parent: &above})
	}
	if atScope {
		return out, nil
	}
	roots, err := p.rootsOf(op, scope)
	for _, root := range roots {
		out = append(out, store.Query{Type: kind, Under: &root})
	}
	return out, err
}

// rootsOf are the paths that hold everything at and below a scope: the scope itself
// and, for a management group, the groups and subscriptions that data places below it.
func (p *provider) rootsOf(op *arm.Op, scope gatehouse.Scope) ([]gatehouse.Scope, error) {
	roots := []gatehouse.Scope{scope}
	if group, ok := scope.ManagementGroup(); !ok || group != scope {
		return roots, nil
	}
	for _, kind := range []string{"Microsoft.Management/managementGroups", "Microsoft.Resources/subscriptions"} {
		page, err := op.Store().List(op.Context, store.Query{Type: kind})
		if err != nil {
			return nil, err
		}
		for _, d := range page.Documents {
			if d.Key() != scope && slices.Contains(p.Guard.Snapshot().Ancestors(d.Key()), scope) {
				roots = append(roots, d.Key())
			}
		}
	}
	return roots, nil
}

func withNext(op *arm.Op, items []jsondoc.Value, source int, key string) *arm.Answer {
	a := arm.ListOf(items)
	a.Body.(*jsondoc.Object).Set("nextLink", op.NextLink(fmt.Sprintf("%d:%s", source, key)))
	return a
}

// readPlace returns the source and the key that a page starts after.
func readPlace(op *arm.Op, sources int) (int, string, error) {
	place, err := op.Place()
	if err != nil || place == "" {
		return 0, "", err
	}
	source, key, ok := strings.Cut(place, ":")
	n, err := strconv.Atoi(source)
	if err != nil || !ok || n < 0 || n >= sources {
		return 0, "", arm.BadSkipToken()
	}
	return n, key, nil
}
