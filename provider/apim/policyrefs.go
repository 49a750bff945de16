package apim

import (
	"bytes"
	"errors"
	"fmt"
	"strings"

	"gatehouse"
	"gatehouse/arm"
	"gatehouse/policy"
	"gatehouse/store"
)

// reach is what a policy document may refer to: entities of its workspace, or of the
// service for a document outside of workspaces. A workspace's document cannot name what
// the service holds, as Azure documents it, whoever writes it: the policy could
// otherwise tell the workspace the service's secrets.
type reach struct {
	op *arm.Op
	r  store.Reader
	of gatehouse.ID // the document
}

// families are the types of entities by the kind of reference, where that alone tells.
var families = map[policy.Kind]string{policy.FragmentID: "policyFragments", policy.Backend: "backends", policy.Logger: "loggers",
	policy.Certificate: "certificates", policy.Schema: "schemas"}

func (a *reach) exists(ref policy.Reference) (bool, error) {
	d, err := a.find(ref)
	return d != nil, err
}

// find returns the document that is referred to, nil for none.
func (a *reach) find(ref policy.Reference) (*store.Document, error) {
	if ref.Kind == policy.Schema {
		if d, err := a.schemaOfAPI(ref.Name); d != nil || err != nil {
			return d, err
		}
	}
	return a.in(holderOf(a.of), ref)
}

func (a *reach) in(holder gatehouse.ID, ref policy.Reference) (*store.Document, error) {
	switch ref.Kind {
	case policy.NamedValue:
		return a.namedValue(holder, ref.Name)
	case policy.Thumbprint:
		return a.certificate(holder, ref.Name)
	case policy.Connection:
		provider, authorization, _ := strings.Cut(ref.Name, "/")
		return a.child(holder, "authorizationProviders", provider, "authorizations", authorization)
	}
	return a.child(holder, families[ref.Kind], ref.Name)
}

// child reads the document at a path of types and names below holder, nil when there is none or can be none.
func (a *reach) child(holder gatehouse.ID, path ...string) (*store.Document, error) {
	for _, part := range path {
		if part == "" || strings.ContainsAny(part, "/?#\\") {
			return nil, nil
		}
	}
	id, err := gatehouse.ParseID(holder.String() + "/" + strings.Join(path, "/"))
	if err != nil {
		return nil, nil
	}
	d, err := a.r.Get(a.op.Context, id.Scope())
	if gatehouse.KindOf(err) == gatehouse.NotFound {
		return nil, nil
	}
	return d, err
}

func (a *reach) schemaOfAPI(name string) (*store.Document, error) {
	for at := a.of; !at.IsRoot(); at = at.Parent() {
		if strings.EqualFold(lastPart(at.Type()), "apis") {
			return a.child(at, "schemas", name)
		}
	}
	return nil, nil
}

// namedValue finds a named value by its display name, which is what policies call it by, letter for letter.
func (a *reach) namedValue(holder gatehouse.ID, name string) (*store.Document, error) {
	r, err := a.op.Having(a.r, holder.Type()+"/namedValues", holder, name)
	if r == nil || err != nil || r.Props().String("displayName") != name {
		return nil, err
	}
	return r.Document(), nil
}

func (a *reach) certificate(holder gatehouse.ID, thumbprint string) (*store.Document, error) {
	scope := holder.Scope()
	page, err := a.r.List(a.op.Context, store.Query{Type: holder.Type() + "/certificates", Parent: &scope})
	if err != nil {
		return nil, err
	}
	for _, d := range page.Documents {
		r, err := arm.FromDocument(d)
		if err != nil {
			return nil, err
		}
		if strings.EqualFold(r.Props().String("thumbprint"), strings.ReplaceAll(thumbprint, " ", "")) {
			return d, nil
		}
	}
	return nil, nil
}

// maxIncluded is how much text of fragments a document may include, per section: they are
// checked while nobody else can write.
const maxIncluded = 8 * maxFragment

// resolved checks a document with the named values that it refers to in their places (gateway.md 5.4). Changed is one that is
// being written, nil for none. Values in a Key Vault are not known.
func (a *reach) resolved(d *policy.Document, changed *arm.Resource) ([]policy.Fault, error) {
	var failure error
	known := map[string]*string{}
	faults := policy.CheckResolved(d, func(n policy.Name) (string, bool) {
		v, asked := known[n.Name]
		if !asked && failure == nil {
			v, failure = a.value(n.Name, changed)
			known[n.Name] = v
		}
		if v == nil {
			return "", false
		}
		return *v, true
	})
	return faults, failure
}

// value is that of a named value, nil when there is none or nobody knows it.
func (a *reach) value(name string, changed *arm.Resource) (*string, error) {
	d, err := a.namedValue(holderOf(a.of), name)
	if d == nil || err != nil {
		return nil, err
	}
	r := changed
	if changed == nil || d.Key() != changed.ID.Scope() {
		if r, err = arm.FromDocument(d); err != nil {
			return nil, err
		}
	}
	if vaulted(r) != "" {
		return nil, nil
	}
	text := r.SecretString("properties.value")
	return &text, nil
}

// includes checks the fragments that a document includes against the section and scope
// they stand in there: they were written without knowing it (gateway.md 5.3).
func (a *reach) includes(d *policy.Document, scope policy.Scope, env policy.Env) ([]policy.Fault, error) {
	var faults []policy.Fault
	checked, size := map[string]bool{}, 0
	for _, ref := range d.References() {
		key := gatehouse.Fold(ref.Section + "/" + ref.Name)
		if ref.Kind != policy.FragmentID || checked[key] {
			continue
		}
		checked[key] = true
		found, err := a.find(ref)
		if err != nil {
			return nil, err
		}
		if found == nil {
			continue
		}
		if size += len(found.Body); size > maxIncluded {
			return []policy.Fault{{Element: ref.Element.Name, Pos: ref.Element.Pos, Message: fmt.Sprintf("The policy fragments that the sections include have more than %d bytes together; include fewer, or smaller ones.", maxIncluded)}}, nil
		}
		r, err := arm.FromDocument(found)
		if err != nil {
			return nil, err
		}
		fragment, err := storedPolicy(r)
		if err != nil {
			continue
		}
		wrong, err := policy.Check(fragment, policy.Fragment, policy.Env{InWorkspace: env.InWorkspace, SKU: env.SKU, Section: ref.Section, Within: scope})
		if err != nil {
			return nil, err
		}
		for _, f := range wrong {
			faults = append(faults, policy.Fault{Element: ref.Element.Name, Pos: ref.Element.Pos, Message: fmt.Sprintf("Policy fragment '%s' cannot be included here. %s", ref.Name, f.Error())})
		}
	}
	return faults, nil
}

// policyTypes are the types of policy documents below a service, and below a workspace.
var policyTypes = []string{"/policies", "/products/policies", "/apis/policies", "/apis/operations/policies", "/apis/resolvers/policies"}

// policyQueries select every policy document of a service, or of a workspace, type by
// type; with fragments, those too.
func policyQueries(holder gatehouse.ID, fragments bool) []store.Query {
	scope := holder.Scope()
	var queries []store.Query
	for _, at := range []string{"", "/workspaces"} {
		if at != "" && inWorkspace(holder) {
			continue
		}
		for _, t := range policyTypes {
			queries = append(queries, store.Query{Type: holder.Type() + at + t, Under: &scope})
		}
		if fragments {
			queries = append(queries, store.Query{Type: holder.Type() + at + "/policyFragments", Under: &scope})
		}
	}
	return queries
}

// policiesBelow yields the documents of policyQueries. It reads a page at a time.
func policiesBelow(op *arm.Op, r store.Reader, holder gatehouse.ID, fragments bool, yield func(d *store.Document) error) error {
	for _, q := range policyQueries(holder, fragments) {
		q.Limit = 500
		for more := true; more; more = q.After != "" {
			page, err := r.List(op.Context, q)
			if err != nil {
				return err
			}
			for _, d := range page.Documents {
				if err := yield(d); err != nil {
					return err
				}
			}
			q.After = page.Next
		}
	}
	return nil
}

// policyUser is a policy document that refers to something.
type policyUser struct {
	*arm.Resource
	document *policy.Document
}

// policyUsers lists the documents that refer to target by a name. It looks at every
// policy of the service or workspace that holds target, and parses those that hold the name,
// until it has found as many as are asked for; 0 is all.
func policyUsers(op *arm.Op, r store.Reader, target gatehouse.ID, kind policy.Kind, name string, most int) ([]policyUser, error) {
	var users []policyUser
	needle := []byte(name)
	err := policiesBelow(op, r, target.Parent(), kind == policy.NamedValue, func(d *store.Document) error {
		if kind == policy.NamedValue && !bytes.Contains(d.Body, []byte("{{")) {
			return nil
		}
		if !containsFold(d.Body, needle) && !bytes.Contains(d.Body, []byte("&#")) {
			return nil // a name may be written in entities
		}
		resource, err := arm.FromDocument(d)
		if err != nil {
			return err
		}
		document, err := storedPolicy(resource)
		if err != nil {
			return nil // it cannot be read, so it refers to nothing
		}
		a := &reach{op: op, r: r, of: d.ID}
		for _, ref := range document.References() {
			if ref.Kind != kind || !strings.EqualFold(ref.Name, name) {
				continue
			}
			found, err := a.find(ref)
			if err != nil {
				return err
			}
			if found != nil && found.Key() == target.Scope() {
				if users = append(users, policyUser{resource, document}); len(users) == most {
					return errEnough
				}
				return nil
			}
		}
		return nil
	})
	if errors.Is(err, errEnough) {
		err = nil
	}
	return users, err
}

// errEnough ends a search that has found what it was asked for.
var errEnough = errors.New("enough was found")

// containsFold reports whether text holds an ASCII name in any casing.
func containsFold(text, name []byte) bool {
	lower := func(c byte) byte {
		if 'A' <= c && c <= 'Z' {
			return c + 'a' - 'A'
		}
		return c
	}
	if len(name) == 0 {
		return false
	}
	first := lower(name[0])
	for i := 0; i+len(name) <= len(text); i++ {
		if lower(text[i]) != first {
			continue
		}
		j := 1
		for j < len(name) && lower(text[i+j]) == lower(name[j]) {
			j++
		}
		if j == len(name) {
			return true
		}
	}
	return false
}

// mostNamed is how many documents a refusal names; it does not look for more, since nobody
// else can write while it does.
const mostNamed = 50

// unused refuses to take away what policies refer to, in the service's words
// (Azure/apiops-cli#261). It names those that the caller may read.
func unused(op *arm.Op, tx *store.Tx, target gatehouse.ID, kind policy.Kind, what, name string) error {
	users, err := policyUsers(op, tx, target, kind, name, mostNamed+1)
	if err != nil || len(users) == 0 {
		return err
	}
	return refusal(gatehouse.Invalid, "ValidationError", "The %s '%s' is used by the following entities:\r\n%s", what, name, listed(op, users))
}

// listed names the documents that the caller may read, and counts the others.
func listed(op *arm.Op, users []policyUser) string {
	var list strings.Builder
	hidden := 0
	for i, u := range users {
		if i >= mostNamed || !op.Can(u.Type+"/read", u.ID) {
			hidden++
			continue
		}
		list.WriteString(relative(u.ID) + "\r\n")
	}
	switch {
	case len(users) > mostNamed:
		list.WriteString("and more\r\n")
	case hidden > 0:
		fmt.Fprintf(&list, "and %d more\r\n", hidden)
	}
	return list.String()
}
