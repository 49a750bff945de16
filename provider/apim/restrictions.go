package apim

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"gatehouse"
	"gatehouse/arm"
	"gatehouse/jsondoc"
	"gatehouse/policy"
	"gatehouse/store"
)

// policyRestrictions demand that documents at or below a path use <base /> in every section.
func policyRestrictions() *arm.Type {
	return published("service/policyRestrictions", `
		properties.scope       string
		properties.requireBase enum(true|false) default="false"
	`, arm.Type{Noun: "PolicyRestriction", Name: arm.NameRule{Max: 80}})
}

// restriction is one that requires <base />, and where.
type restriction struct {
	name  string
	scope string // folded, relative to the service; "" for all of it
}

func restrictions(op *arm.Op, r store.Reader, service gatehouse.ID) ([]restriction, error) {
	scope := service.Scope()
	page, err := r.List(op.Context, store.Query{Type: serviceType + "/policyRestrictions", Parent: &scope})
	if err != nil {
		return nil, err
	}
	var all []restriction
	for _, d := range page.Documents {
		each, err := arm.FromDocument(d)
		if err != nil {
			return nil, err
		}
		if strings.EqualFold(each.Props().String("requireBase"), "true") {
			all = append(all, restriction{d.ID.Name(), relativeScope(service, each.Props().String("scope"))})
		}
	}
	return all, nil
}

// relativeScope folds the path of a policy document, or of what holds it, given in full or relative to the service.
func relativeScope(service gatehouse.ID, given string) string {
	path := "/" + strings.Trim(strings.ToLower(given), "/ ")
	path = strings.TrimPrefix(path, strings.ToLower(service.String()))
	path = strings.TrimSuffix(path, "/policies/policy")
	return strings.TrimSuffix(path, "/")
}

// covers reports whether a restriction holds for a document. The widest scope has no base.
func (x restriction) covers(service, id gatehouse.ID) bool {
	if id.Parent().Scope() == service.Scope() {
		return false
	}
	for _, path := range []string{relativeScope(service, id.String()), relativeScope(service, ofAllRevisions(id))} {
		if x.scope == "" || path == x.scope || strings.HasPrefix(path, x.scope+"/") {
			return true
		}
	}
	return false
}

// ofAllRevisions is an id with APIs by their plain names: what holds for an API holds for
// each of its revisions, any of which can become the current one.
func ofAllRevisions(id gatehouse.ID) string {
	parts := strings.Split(id.String(), "/")
	for i := 1; i < len(parts); i++ {
		if strings.EqualFold(parts[i-1], "apis") {
			parts[i], _, _ = splitRevision(parts[i])
		}
	}
	return strings.Join(parts, "/")
}

// baseless lists the sections of a document that do not run those of the wider scopes.
func baseless(d *policy.Document) []policy.Fault {
	var faults []policy.Fault
	for _, name := range []string{"inbound", "backend", "outbound", "on-error"} {
		element := d.Root
		if s := d.Section(name); s != nil {
			element = s.Element
			found := false
			for _, p := range s.Policies {
				found = found || p.Name == "base"
			}
			if found {
				continue
			}
		}
		faults = append(faults, policy.Fault{Element: element.Name, Pos: element.Pos, Message: fmt.Sprintf("<base /> is missing in the section '%s'", name)})
	}
	return faults
}

// unrestricted is what the policy restrictions of the service find wrong with a document.
func unrestricted(op *arm.Op, r store.Reader, id gatehouse.ID, d *policy.Document) ([]policy.Fault, error) {
	all, err := restrictions(op, r, serviceOf(id))
	if err != nil || policyScope(id.Type()) == policy.Resolver {
		return nil, err
	}
	return offences(all, id, d), nil
}

func offences(all []restriction, id gatehouse.ID, d *policy.Document) []policy.Fault {
	var faults []policy.Fault
	for _, x := range all {
		if !x.covers(serviceOf(id), id) {
			continue
		}
		for _, f := range baseless(d) {
			f.Message += fmt.Sprintf(", which the policy restriction '%s' requires.", x.name)
			faults = append(faults, f)
		}
	}
	return faults
}

// complies judges stored documents of a service by its restrictions.
func complies(op *arm.Op, service gatehouse.ID) (func(*store.Document) (string, error), error) {
	all, err := restrictions(op, op.Store(), service)
	if err != nil {
		return nil, err
	}
	return func(d *store.Document) (string, error) {
		r, err := arm.FromDocument(d)
		if err != nil {
			return "", err
		}
		for _, x := range all {
			if !x.covers(service, d.ID) || policyScope(d.Type) == policy.Resolver {
				continue
			}
			if document, err := storedPolicy(r); err != nil || len(baseless(document)) > 0 {
				return "NonCompliant", nil
			}
		}
		return "Compliant", nil
	}, nil
}

// allPolicies lists the policy documents of a service with their state of compliance,
// which is worked out as they are listed: none is ever Pending. A caller sees those that it may read.
func allPolicies() *arm.Type {
	return published("service/allPolicies", "", arm.Type{Noun: "AllPolicies", Do: map[arm.Verb]arm.Handler{arm.List: listAllPolicies}})
}

func listAllPolicies(op *arm.Op) (*arm.Answer, error) {
	if err := op.Exists(op.Store(), op.ID); err != nil {
		return nil, err
	}
	state, err := complies(op, op.ID)
	if err != nil {
		return nil, err
	}
	top, err := op.Query.Number("$top", 1, 100)
	if err != nil {
		return nil, err
	}
	queries := policyQueries(op.ID, false)
	at, after, err := policyPlace(op, len(queries))
	if err != nil {
		return nil, err
	}
	top = min(top, 1000)
	var items []jsondoc.Value
	for ; at < len(queries) && len(items) < top; at, after = at+1, "" {
		q := queries[at]
		q.After, q.Limit = after, top-len(items)
		page, err := op.Store().List(op.Context, q)
		if err != nil {
			return nil, err
		}
		for _, d := range page.Documents {
			if !op.Can(d.Type+"/read", d.ID) {
				continue
			}
			item, err := listedPolicy(op.ID, d, state)
			if err != nil {
				return nil, err
			}
			items = append(items, item)
		}
		if after = page.Next; after != "" {
			break
		}
	}
	a := arm.ListOf(items)
	if at < len(queries) {
		a.Body.(*jsondoc.Object).Set("nextLink", op.NextLink(strconv.Itoa(at)+after))
	}
	return a, nil
}

// policyPlace is where a page of all policies starts: which type, and behind which key.
func policyPlace(op *arm.Op, types int) (at int, after string, err error) {
	place, err := op.Place()
	if err != nil || place == "" {
		return 0, "", err
	}
	number, key, _ := strings.Cut(place, "/")
	at, err = strconv.Atoi(number)
	if err != nil || at < 0 || at >= types {
		return 0, "", arm.BadSkipToken()
	}
	if key != "" {
		after = "/" + key
	}
	return at, after, nil
}

// listedPolicy is an item of the list, named by a digest of the document's path.
func listedPolicy(service gatehouse.ID, d *store.Document, state func(*store.Document) (string, error)) (*jsondoc.Object, error) {
	compliance, err := state(d)
	if err != nil {
		return nil, err
	}
	digest := sha256.Sum256([]byte(d.Key().String()))
	name := hex.EncodeToString(digest[:12])
	return object("id", service.String()+"/allPolicies/"+name, "type", serviceType+"/allPolicies", "name", name,
		"properties", object("referencePolicyId", d.ID.String(), "complianceState", compliance)), nil
}

// validatePolicies judges every policy document of a service by its restrictions. It is done at once.
func validatePolicies(op *arm.Op) (*arm.Answer, error) {
	service, err := op.Existing()
	if err != nil {
		return nil, err
	}
	state, err := complies(op, service.ID)
	if err != nil {
		return nil, err
	}
	checked, wrong := 0, 0
	var log []jsondoc.Value
	err = policiesBelow(op, op.Store(), service.ID, false, func(d *store.Document) error {
		checked++
		compliance, err := state(d)
		if err != nil || compliance == "Compliant" {
			return err
		}
		if wrong++; len(log) < 100 && op.Can(d.Type+"/read", d.ID) {
			log = append(log, object("objectType", "Policy", "action", compliance, "objectKey", d.ID.String()))
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	id := gatehouse.NewGUID().String()
	now := gatehouse.Timestamp(op.Now)
	result := object("id", service.ID.String()+"/operationResults/"+id, "type", serviceType+"/operationResults", "name", id, "properties",
		object("id", id, "status", "Succeeded", "started", now, "updated", now,
			"resultInfo", fmt.Sprintf("%d policies were validated, %d are not compliant.", checked, wrong), "error", nil, "actionLog", log))
	return op.Finished(&arm.Answer{Status: http.StatusAccepted}, result)
}

// policyDescriptions is the catalogue of policies (apim-control-plane.md 2.4).
func policyDescriptions() *arm.Type {
	return published("service/policyDescriptions", "", arm.Type{Noun: "PolicyDescription", Do: map[arm.Verb]arm.Handler{arm.List: listPolicyDescriptions}})
}

// scopeBits are the bits of a description's scope. The published example has the first
// four and the last one; which is which is not published.
var scopeBits = []struct {
	name, letter string
	bit          int
}{{"Tenant", "g", 1}, {"Product", "p", 2}, {"Api", "a", 4}, {"Operation", "o", 8}, {"Workspace", "w", 1 << 28}}

func listPolicyDescriptions(op *arm.Op) (*arm.Answer, error) {
	if err := op.Exists(op.Store(), op.ID); err != nil {
		return nil, err
	}
	letter, err := scopeLetter(op.Query.Get("scope"))
	if err != nil {
		return nil, err
	}
	var items []jsondoc.Value
	for _, d := range policy.Definitions() {
		bits := 0
		for _, b := range scopeBits {
			if strings.Contains(d.Scopes, b.letter) {
				bits |= b.bit
			}
		}
		if bits == 0 || d.Unpublished || !strings.Contains(d.Scopes, letter) {
			continue
		}
		items = append(items, object("id", op.ID.String()+"/policyDescriptions/"+d.Name, "type", serviceType+"/policyDescriptions", "name", d.Name,
			"properties", object("description", d.Description, "scope", jsondoc.Number(strconv.Itoa(bits)))))
	}
	a := arm.ListOf(items)
	a.Body.(*jsondoc.Object).Set("count", jsondoc.Number(strconv.Itoa(len(items))))
	return a, nil
}

func scopeLetter(asked string) (string, error) {
	if asked == "" || strings.EqualFold(asked, "All") {
		return "", nil
	}
	for _, b := range scopeBits {
		if strings.EqualFold(b.name, asked) {
			return b.letter, nil
		}
	}
	return "", validation("scope", "'%s' is no scope of policies; use Tenant, Product, Api, Operation or All", asked)
}
