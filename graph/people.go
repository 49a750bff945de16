package graph

import (
	"net/http"
	"strings"
	"time"
	"unicode"

	"gatehouse"
	"gatehouse/directory"
	"gatehouse/entra/password"
	"gatehouse/jsondoc"
	"gatehouse/store"
)

// This file holds what is particular to users and groups.

func userBefore(e *edit) error {
	if upn, ok := e.in.Get("userPrincipalName"); ok && upn != nil {
		if err := e.userName(e.in.String("userPrincipalName")); err != nil {
			return err
		}
	}
	return e.password()
}

// userName checks and reserves a user principal name.
func (e *edit) userName(upn string) error {
	local, domain, ok := strings.Cut(upn, "@")
	if !ok || local == "" || domain == "" || strings.ContainsFunc(upn, badInName) || strings.Contains(domain, "@") {
		return badRequest("userPrincipalName", "Property userPrincipalName is invalid: write it as name@domain.")
	}
	if len(e.h.cfg.Domains) > 0 && !contains(e.h.cfg.Domains, domain) {
		return badRequest("userPrincipalName",
			"The domain portion of the userPrincipalName property is invalid. You must use one of the verified domain names in your organization: %s.", strings.Join(e.h.cfg.Domains, ", "))
	}
	release, err := e.h.cfg.Index.ReserveUserName(upn, e.oid)
	if err != nil {
		return taken(err, "userPrincipalName")
	}
	e.release = append(e.release, release)
	return nil
}

func badInName(r rune) bool {
	return unicode.IsSpace(r) || unicode.IsControl(r) || r >= unicode.MaxASCII || strings.ContainsRune(`/\%&*+=?{}|<>();:,[]"`, r)
}

func taken(err error, property string) error {
	if gatehouse.KindOf(err) == gatehouse.Conflict {
		return sameValue(property)
	}
	return err
}

// password hashes the password of passwordProfile, outside the transaction, and
// leaves a step that stores it.
func (e *edit) password() error {
	given, present := e.in.Get("passwordProfile")
	profile, isObject := given.(*jsondoc.Object)
	switch {
	case !present && e.creating:
		return missing(users, users.field("passwordProfile"))
	case given == nil && !e.creating:
		return nil
	case !isObject:
		return users.invalid(users.field("passwordProfile"))
	}
	hash := ""
	if v, ok := profile.Get("password"); ok && v != nil || e.creating {
		text, _ := v.(string)
		if err := password.Check(text); err != nil {
			return err
		}
		var err error
		if hash, err = e.h.cfg.HashPassword(text); err != nil {
			return err
		}
	}
	e.steps = append(e.steps, func(tx *store.Tx) error { e.setPassword(tx.Now(), profile, hash); return nil })
	return nil
}

// setPassword stores a hash; everything issued for the old password ends with it.
func (e *edit) setPassword(now time.Time, profile *jsondoc.Object, hash string) {
	force, given := profile.Get("forceChangePasswordNextSignIn")
	must, _ := force.(bool)
	if !given && (e.creating || hash != "") {
		must = true // whoever set the password knows it, so that its owner changes it
	} else if !given {
		must = e.body.Bool("passwordProfile.forceChangePasswordNextSignIn")
	}
	e.body.Set("passwordProfile", jsondoc.NewObject("forceChangePasswordNextSignIn", must))
	if hash == "" {
		return
	}
	e.secrets.PasswordHash = hash
	e.body.Set("lastPasswordChangeDateTime", e.now)
	if !e.creating {
		e.body.Set("signInSessionsValidFromDateTime", now.UTC().Format(time.RFC3339Nano))
	}
}

func userWithin(e *edit, tx *store.Tx) error {
	if e.creating {
		e.body.Set("createdDateTime", e.now)
		return nil
	}
	if e.body.Bool("accountEnabled") {
		return nil
	}
	return e.keepAdministrator(tx, func(_ gatehouse.Scope, principal gatehouse.GUID) bool { return principal == e.oid })
}

func userDrop(c *call, tx *store.Tx, d *store.Document) error {
	return c.keepAdministrator(tx, func(_ gatehouse.Scope, principal gatehouse.GUID) bool { return principal == c.oid })
}

// revokeSessions ends every session and token of a user from this moment on.
func revokeSessions(c *call) (*answer, error) {
	if c.oid.IsZero() {
		return nil, notThere(c.named())
	}
	e := &edit{call: c, k: users, in: jsondoc.NewObject()}
	e.steps = append(e.steps, func(tx *store.Tx) error {
		e.body.Set("signInSessionsValidFromDateTime", tx.Now().UTC().Format(time.RFC3339Nano))
		return nil
	})
	if _, err := e.run(http.StatusOK, users.id(c.oid)); err != nil {
		return nil, err
	}
	return &answer{body: jsondoc.NewObject("@odata.context", c.contextURL("Edm.Boolean"), "value", true)}, nil
}

func noManager(c *call) (*answer, error) {
	return c.ofObject(func() (*answer, error) { return nil, notThere("manager") })
}

func groupBefore(e *edit) error {
	for _, t := range e.in.Array("groupTypes") {
		if s, _ := t.(string); gatehouse.Fold(s) == "dynamicmembership" {
			return badRequest("groupTypes", "Groups with dynamic membership are not supported: leave DynamicMembership out and add members.")
		}
	}
	return e.binds()
}

func groupWithin(e *edit, tx *store.Tx) error {
	if e.creating {
		e.body.Set("createdDateTime", e.now)
	}
	return nil
}

// keepAdministrator refuses what would leave nobody in charge of the directory.
// Without tells which role assignments are about to go.
func (c *call) keepAdministrator(tx *store.Tx, without func(key gatehouse.Scope, principal gatehouse.GUID) bool) error {
	page, err := tx.List(c.ctx(), store.Query{Type: directory.RoleAssignmentType})
	if err != nil {
		return err
	}
	touched := false
	for _, d := range page.Documents {
		body, err := jsondoc.ParseObject(d.Body)
		if err != nil {
			return err
		}
		principal, err := gatehouse.ParseGUID(body.String("principalId"))
		if err != nil || !isAdministrator(body.String("roleDefinitionId")) {
			continue
		}
		if without(d.Key(), principal) {
			touched = true
			continue
		}
		if ok, err := c.inCharge(tx, principal); ok || err != nil {
			return err
		}
	}
	if touched {
		return badRequest("", "The last Global Administrator cannot be removed or disabled: assign the role to another user or service principal first.")
	}
	return nil
}

// inCharge reports whether a principal exists and can sign in. A group does not
// count: its members come and go without this check.
func (c *call) inCharge(tx *store.Tx, principal gatehouse.GUID) (bool, error) {
	for _, k := range []*kind{users, servicePrincipals} {
		d, err := tx.Get(c.ctx(), k.id(principal).Scope())
		if err != nil && gatehouse.KindOf(err) == gatehouse.NotFound {
			continue
		}
		if err != nil {
			return false, err
		}
		body, err := jsondoc.ParseObject(d.Body)
		if err != nil {
			return false, err
		}
		enabled, given := body.Get("accountEnabled")
		return enabled == true || !given && k == servicePrincipals, nil
	}
	return false, nil
}
