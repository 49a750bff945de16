package main

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"os"
	"time"

	"gatehouse"
	"gatehouse/directory"
	"gatehouse/entra/password"
	"gatehouse/guard"
	"gatehouse/jsondoc"
	"gatehouse/provider/authorization"
	"gatehouse/provider/resources"
	"gatehouse/rbac/builtin"
	"gatehouse/store"
)

// What the first start calls things.
const (
	domain           = "contoso.onmicrosoft.com"
	tenantName       = "Contoso"
	subscriptionName = "Gatehouse"
	adminName        = "admin@" + domain
	adminClient      = "gatehouse-bootstrap"
)

// secretLife is how long the bootstrap service principal's secret holds.
const secretLife = 2 * 365 * 24 * time.Hour

// begin returns what the data directory was set up with, setting it up when it is
// empty. The file is written first: a start that is cut short between the two is
// completed by the next one, with the same names and secrets.
func begin(ctx context.Context, s *store.Store, dir string, now time.Time) (b *bootstrap, first bool, err error) {
	b, err = readFile[bootstrap](dir, bootstrapFile)
	if errors.Is(err, os.ErrNotExist) {
		if b, first, err = restored(ctx, s); err == nil {
			err = writeFile(dir, bootstrapFile, b)
		}
	}
	if err != nil {
		return nil, false, err
	}
	tenant, err := gatehouse.ParseGUID(b.TenantID)
	if err != nil {
		return nil, false, err
	}
	if _, err = s.Get(ctx, guard.TenantID(tenant).Scope()); gatehouse.KindOf(err) != gatehouse.NotFound {
		return b, first, err
	}
	return b, first, b.write(ctx, s, tenant, now)
}

// bootstrapID is the document that keeps the bootstrap data, sealed, so that a restored backup is complete.
var bootstrapID = gatehouse.MustID("/providers/Gatehouse.Operations/bootstraps/main")

// restored returns the bootstrap data of a restored database, or makes new data for an empty one.
func restored(ctx context.Context, s *store.Store) (b *bootstrap, first bool, err error) {
	d, err := s.Get(ctx, bootstrapID.Scope())
	if gatehouse.KindOf(err) == gatehouse.NotFound {
		return newBootstrap(), true, nil
	}
	if err != nil {
		return nil, false, err
	}
	b = &bootstrap{}
	return b, false, json.Unmarshal(d.Secret, b)
}

func (b *bootstrap) document() (*store.Document, error) {
	secret, err := json.Marshal(b)
	return &store.Document{ID: bootstrapID, Type: "Gatehouse.Operations/bootstraps", Body: []byte("{}"), Secret: secret}, err
}

func newBootstrap() *bootstrap {
	return &bootstrap{
		TenantID: gatehouse.NewGUID().String(), SubscriptionID: gatehouse.NewGUID().String(), ClientID: gatehouse.NewGUID().String(),
		Administrator: adminName, Password: randomSecret(12), ClientSecret: randomSecret(20), IdentitySecret: randomSecret(16),
	}
}

// randomSecret is hexadecimal with capital and small letters, so that it passes any rule for passwords and needs no quoting.
func randomSecret(bytes int) string {
	b := make([]byte, bytes)
	rand.Read(b)
	return "Gh" + hex.EncodeToString(b)
}

// write makes the tenant, a subscription, the first administrator and the bootstrap service principal in one transaction.
func (b *bootstrap) write(ctx context.Context, s *store.Store, tenant gatehouse.GUID, now time.Time) error {
	subscription, err := gatehouse.ParseGUID(b.SubscriptionID)
	if err != nil {
		return err
	}
	hash, err := password.New().Hash(ctx, b.Password)
	if err != nil {
		return err
	}
	admin := &directory.User{ID: gatehouse.NewGUID(), UserPrincipalName: b.Administrator, DisplayName: "Gatehouse Administrator", AccountEnabled: true}
	client, err := gatehouse.ParseGUID(b.ClientID)
	if err != nil {
		return err
	}
	docs, principal, err := b.application(client, now)
	if err != nil {
		return err
	}
	user, err := admin.Document(directory.Secrets{PasswordHash: hash})
	if err != nil {
		return err
	}
	own, err := b.document()
	if err != nil {
		return err
	}
	docs = append(docs, user, own)
	for _, who := range []struct {
		id   gatehouse.GUID
		kind gatehouse.PrincipalType
	}{{principal, gatehouse.ServicePrincipal}, {admin.ID, gatehouse.User}} {
		docs = append(docs, authorization.RootAssignment(gatehouse.MustGUID(builtin.Owner), who.id, who.kind, now), globalAdministrator(who.id))
	}
	cause := gatehouse.Cause{Caller: gatehouse.Caller{Name: "gatehouse serve", Type: gatehouse.SystemDefined}, Action: "Gatehouse.Operations/bootstrap/action", Scope: "/",
		Operation: gatehouse.NewGUID().String(), Reason: "first start"}
	cause.Correlation = cause.Operation
	_, err = s.Write(ctx, cause, func(tx *store.Tx) error {
		if err := resources.Seed(ctx, tx, resources.Start{Tenant: tenant, TenantName: tenantName, Domain: domain, Subscription: subscription, SubscriptionName: subscriptionName}); err != nil {
			return err
		}
		for _, d := range docs {
			if err := tx.Put(d); err != nil {
				return err
			}
		}
		return nil
	})
	return err
}

// application is the bootstrap application with its secret, and its service principal.
func (b *bootstrap) application(client gatehouse.GUID, now time.Time) ([]*store.Document, gatehouse.GUID, error) {
	credential, _, _ := directory.NewClientSecret("bootstrap", now, now.Add(secretLife))
	credential.Hint = b.ClientSecret[:3]
	var secrets directory.Secrets
	secrets.Add(credential.KeyID, directory.HashClientSecret(credential.KeyID, b.ClientSecret))
	app := &directory.Application{ID: gatehouse.NewGUID(), AppID: client, DisplayName: adminClient, PasswordCredentials: []directory.PasswordCredential{credential}}
	enabled := true
	sp := &directory.ServicePrincipal{ID: gatehouse.NewGUID(), AppID: client, DisplayName: adminClient, Type: directory.KindApplication, AccountEnabled: &enabled, Names: []string{b.ClientID}}
	appDoc, err := app.Document(secrets)
	if err != nil {
		return nil, sp.ID, err
	}
	spDoc, err := sp.Document(directory.Secrets{})
	return []*store.Document{appDoc, spDoc}, sp.ID, err
}

// globalAdministrator gives a principal that directory role.
func globalAdministrator(principal gatehouse.GUID) *store.Document {
	name := gatehouse.NewGUID()
	body := jsondoc.NewObject("id", name.String(), "principalId", principal.String(), "roleDefinitionId", builtin.GlobalAdministrator, "directoryScopeId", "/")
	return &store.Document{ID: directory.RoleAssignmentID(name), Type: directory.RoleAssignmentType, Body: jsondoc.Marshal(body)}
}
