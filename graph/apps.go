package graph

import (
	"net/url"
	"strings"

	"gatehouse"
	"gatehouse/directory"
	"gatehouse/jsondoc"
	"gatehouse/store"
)

// This file holds what is particular to applications and service principals.

func applicationBefore(e *edit) error {
	if e.in.Has("signInAudience") {
		switch e.in.String("signInAudience") {
		case "", "AzureADMyOrg", "AzureADMultipleOrgs", "AzureADandPersonalMicrosoftAccount", "PersonalMicrosoftAccount":
		default:
			return applications.invalid(applications.field("signInAudience"))
		}
	}
	if err := e.identifierURIs(); err != nil {
		return err
	}
	if !e.creating {
		e.h.pairing.RLock()
		e.release = append(e.release, e.h.pairing.RUnlock)
	}
	return e.credentials()
}

// identifierURIs checks and reserves the names by which tokens for an application are asked for.
func (e *edit) identifierURIs() error {
	for _, v := range e.in.Array("identifierUris") {
		uri, _ := v.(string)
		if err := e.h.checkURI(uri); err != nil {
			return err
		}
		release, err := e.h.cfg.Index.ReserveIdentifierURI(uri, e.oid)
		if err != nil {
			return taken(err, "identifierUris")
		}
		e.release = append(e.release, release)
	}
	return nil
}

// checkURI keeps an application from taking the name of this server, or of
// somebody else's host: tokens for such a name would be taken for theirs.
func (h *Handler) checkURI(uri string) error {
	u, err := url.Parse(uri)
	if err != nil || u.Scheme == "" || strings.ContainsAny(uri, " \t\r\n*\\") || len(uri) > 255 {
		return badRequest("identifierUris", "Invalid value specified for property 'identifierUris' of resource 'Application': '%s' is not an absolute URI of at most 255 characters.", clip(uri))
	}
	for _, reserved := range append([]string{h.cfg.BaseURL}, h.cfg.ReservedURIs...) {
		r, err := url.Parse(reserved)
		if strings.TrimSuffix(gatehouse.Fold(uri), "/") == strings.TrimSuffix(gatehouse.Fold(reserved), "/") ||
			err == nil && u.Host != "" && gatehouse.Fold(u.Host) == gatehouse.Fold(r.Host) {
			return badRequest("identifierUris", "The identifier URI '%s' is reserved for the service itself: choose api:// and a name of your own.", clip(uri))
		}
	}
	scheme := gatehouse.Fold(u.Scheme)
	if scheme != "https" && scheme != "http" || len(h.cfg.Domains) == 0 {
		return nil
	}
	for _, domain := range h.cfg.Domains {
		host, d := gatehouse.Fold(u.Hostname()), gatehouse.Fold(domain)
		if host == d || strings.HasSuffix(host, "."+d) {
			return nil
		}
	}
	return badRequest("identifierUris", "Values of identifierUris property must use a verified domain of the organization or its subdomain: '%s'", clip(uri))
}

func applicationWithin(e *edit, tx *store.Tx) error {
	if e.creating {
		e.body.Set("appId", gatehouse.NewGUID().String())
		e.body.Set("createdDateTime", e.now)
		if len(e.h.cfg.Domains) > 0 {
			e.body.Set("publisherDomain", e.h.cfg.Domains[0])
		}
		return e.ownedByCaller(tx)
	}
	if e.in.Len() == 0 {
		return nil // only credentials change, which a service principal does not show
	}
	return e.followed(tx)
}

// ownedByCaller makes the user who creates an application or service principal its owner, as Entra does.
func (e *edit) ownedByCaller(tx *store.Tx) error {
	if e.caller.Type != gatehouse.User {
		return nil
	}
	for _, r := range relations {
		if r.of != e.k {
			continue
		}
		err := e.link(tx, r, e.oid, e.caller.ID)
		if err != nil && gatehouse.KindOf(err) != gatehouse.NotFound {
			return err
		}
	}
	return nil
}

// followed brings the application's service principal in line with it.
func (e *edit) followed(tx *store.Tx) error {
	sp, d, body, err := e.principalOf(tx, e.body.String("appId"))
	if err != nil || d == nil {
		return err
	}
	if e.in.Has("displayName") {
		body.Set("displayName", e.body.String("displayName"))
	}
	mirror(body, e.body)
	d.Body = jsondoc.Marshal(body)
	d.ID = sp
	return tx.Put(d)
}

func (c *call) principalOf(tx *store.Tx, appID string) (id gatehouse.ID, d *store.Document, body *jsondoc.Object, err error) {
	app, err := gatehouse.ParseGUID(appID)
	if err != nil {
		return id, nil, nil, nil // an application that nobody can sign in as
	}
	oid, ok := c.h.cfg.Index.ServicePrincipalByAppID(app)
	if !ok {
		return id, nil, nil, nil
	}
	id = directory.ServicePrincipalID(oid)
	if d, err = tx.Get(c.ctx(), id.Scope()); err != nil {
		if gatehouse.KindOf(err) == gatehouse.NotFound {
			return id, nil, nil, nil
		}
		return id, nil, nil, err
	}
	body, err = jsondoc.ParseObject(d.Body)
	return id, d, body, err
}

// mirror copies what a service principal shows of its application.
func mirror(sp, app *jsondoc.Object) {
	sp.Set("appDisplayName", app.String("displayName"))
	sp.Set("servicePrincipalNames", append([]jsondoc.Value{app.String("appId")}, app.Array("identifierUris")...))
	sp.Set("signInAudience", app.String("signInAudience"))
	for from, to := range map[string]string{"appRoles": "appRoles", "api.oauth2PermissionScopes": "oauth2PermissionScopes"} {
		if list := app.Array(from); list != nil {
			sp.Set(to, jsondoc.Clone(list))
		}
	}
	var replies []jsondoc.Value
	for _, platform := range []string{"web", "spa", "publicClient"} {
		replies = append(replies, app.Array(platform+".redirectUris")...)
	}
	sp.Set("replyUrls", append([]jsondoc.Value{}, replies...))
}

// applicationDrop takes the service principal along: without its application nobody could sign in as it.
func applicationDrop(c *call, tx *store.Tx, d *store.Document) error {
	body, err := jsondoc.ParseObject(d.Body)
	if err != nil {
		return err
	}
	sp, found, _, err := c.principalOf(tx, body.String("appId"))
	if err != nil || found == nil {
		return err
	}
	oid, _ := directory.ObjectOf(sp.Scope())
	return c.drop(tx, servicePrincipals, oid)
}

func principalBefore(e *edit) error {
	if !e.creating {
		return e.credentials()
	}
	v, _ := e.in.Get("appId")
	s, _ := v.(string)
	appID, err := gatehouse.ParseGUID(s)
	if err != nil {
		return missing(servicePrincipals, servicePrincipals.field("appId"))
	}
	release, err := e.h.cfg.Index.ReserveServicePrincipal(appID, e.oid)
	if err != nil {
		if gatehouse.KindOf(err) != gatehouse.Conflict {
			return err
		}
		return gatehouse.Errorf(gatehouse.Conflict, codeSameKey,
			"The service principal cannot be created, updated, or restored because the service principal name %s is already in use.", appID)
	}
	e.release = append(e.release, release)
	if err := e.credentials(); err != nil {
		return err
	}
	e.h.pairing.Lock()
	e.release = append(e.release, e.h.pairing.Unlock)
	e.steps = append(e.steps, func(tx *store.Tx) error { return e.fromApplication(tx, appID) })
	return nil
}

// fromApplication fills a new service principal from the application that it stands for.
func (e *edit) fromApplication(tx *store.Tx, appID gatehouse.GUID) error {
	oid, ok := e.h.cfg.Index.ApplicationByAppID(appID)
	var d *store.Document
	var err error
	if ok {
		d, err = tx.Get(e.ctx(), directory.ApplicationID(oid).Scope())
	}
	if !ok || err != nil && gatehouse.KindOf(err) == gatehouse.NotFound {
		return gatehouse.Errorf(gatehouse.Invalid, codeNoApplication,
			"The appId '%s' of the service principal does not reference a valid application object: create the application first.", appID)
	}
	if err != nil {
		return err
	}
	if e.decision.Code == "DefaultUserPermission" && !e.owns(oid) {
		return gatehouse.Errorf(gatehouse.Forbidden, codeDenied, "Insufficient privileges to complete the operation. Users create service principals for applications that they own.")
	}
	app, err := jsondoc.ParseObject(d.Body)
	if err != nil {
		return err
	}
	e.body.Set("appId", appID.String())
	e.body.Set("displayName", app.String("displayName"))
	e.body.Set("servicePrincipalType", directory.KindApplication)
	e.body.Set("appOwnerOrganizationId", e.h.cfg.TenantID.String())
	e.body.Set("createdDateTime", e.now)
	mirror(e.body, app)
	return e.ownedByCaller(tx)
}

func (c *call) owns(application gatehouse.GUID) bool {
	for _, key := range c.h.cfg.Index.OwnedBy(c.caller.ID) {
		if key == directory.ApplicationID(application).Scope() {
			return true
		}
	}
	return false
}

func principalWithin(e *edit, tx *store.Tx) error {
	if !e.creating {
		if err := managed(e.body); err != nil {
			return err
		}
		if enabled, given := e.body.Get("accountEnabled"); given && enabled != true {
			return e.keepAdministrator(tx, func(_ gatehouse.Scope, principal gatehouse.GUID) bool { return principal == e.oid })
		}
	}
	return nil
}

// managed refuses changes of a service principal that a managed identity owns:
// it lives and dies with its Azure resource.
func managed(body *jsondoc.Object) error {
	if body.String("servicePrincipalType") != directory.KindManagedIdentity {
		return nil
	}
	return gatehouse.Errorf(gatehouse.Forbidden, codeDenied,
		"Insufficient privileges to complete the operation. The service principal %s belongs to a managed identity: change or delete the identity's Azure resource instead.", body.String("id"))
}

func principalDrop(c *call, tx *store.Tx, d *store.Document) error {
	body, err := jsondoc.ParseObject(d.Body)
	if err != nil {
		return err
	}
	if err := managed(body); err != nil {
		return err
	}
	oid, _ := directory.ObjectOf(d.Key())
	return c.keepAdministrator(tx, func(_ gatehouse.Scope, principal gatehouse.GUID) bool { return principal == oid })
}

// roleBefore checks what a directory role assignment names.
func roleBefore(e *edit) error {
	if scope := e.in.String("directoryScopeId"); scope != "" && scope != "/" {
		return badRequest("directoryScopeId", "Directory roles are assigned for the whole directory: the directoryScopeId is '/', not '%s'.", clip(scope))
	}
	if e.in.String("appScopeId") != "" {
		return badRequest("appScopeId", "Directory roles with an appScopeId are not supported: use directoryScopeId '/'.")
	}
	if role := e.in.String("roleDefinitionId"); role != "" {
		if _, ok := e.h.role(role); !ok {
			return badRequest("roleDefinitionId", "The role definition '%s' does not exist: list roleManagement/directory/roleDefinitions for those that do.", clip(role))
		}
	}
	return nil
}

func roleWithin(e *edit, tx *store.Tx) error {
	principal, err := gatehouse.ParseGUID(e.body.String("principalId"))
	if err != nil {
		return roleAssignments.invalid(roleAssignments.field("principalId"))
	}
	role, err := gatehouse.ParseGUID(e.body.String("roleDefinitionId"))
	if err != nil {
		return roleAssignments.invalid(roleAssignments.field("roleDefinitionId"))
	}
	holders := &relation{of: roleAssignments, name: "principals", allows: []*kind{users, groups, servicePrincipals}}
	if _, err := e.end(tx, holders, principal); err != nil {
		return err
	}
	e.body.Set("principalId", principal.String())
	e.body.Set("roleDefinitionId", role.String())
	page, err := tx.List(e.ctx(), store.Query{Type: directory.RoleAssignmentType})
	if err != nil {
		return err
	}
	for _, d := range page.Documents {
		old, err := jsondoc.ParseObject(d.Body)
		if err != nil {
			return err
		}
		if old.String("principalId") == principal.String() && old.String("roleDefinitionId") == role.String() {
			return badRequest("", "A conflicting object with one or more of the specified property values is present in the directory.")
		}
	}
	return nil
}

func roleDrop(c *call, tx *store.Tx, d *store.Document) error {
	return c.keepAdministrator(tx, func(key gatehouse.Scope, _ gatehouse.GUID) bool { return key == d.Key() })
}
