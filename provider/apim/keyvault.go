package apim

import (
	"net/url"
	"strings"

	"gatehouse"
	"gatehouse/arm"
	"gatehouse/jsondoc"
	"gatehouse/store"
)

// Named values and certificates may come from a Key Vault. An installation of its own has
// none to ask: the reference is kept as it is given, there is no value, and lastStatus
// says so after every attempt (docs/divergences.md).

const (
	vaultUnavailable = "Unavailable"
	vaultMessage     = "The secret has not been fetched: no connection to Key Vault is set up in this installation."
)

// vaulted is the address of the Key Vault secret behind r, "" for none.
func vaulted(r *arm.Resource) string { return r.Props().String("keyVault.secretIdentifier") }

// checkVault wants the address of a secret, and attempts to fetch one that is new.
func checkVault(op *arm.Op, old, next *arm.Resource) error {
	vault := next.Props().Object("keyVault")
	if vault == nil {
		return nil
	}
	given := vault.String("secretIdentifier")
	address, err := url.Parse(given)
	if err != nil || address.Scheme != "https" || address.Host == "" || !strings.HasPrefix(strings.ToLower(address.Path), "/secrets/") {
		return validation("keyVault.secretIdentifier", "keyVault.secretIdentifier has to be the address of a secret, such as https://vault.vault.azure.net/secrets/name; it is '%s'", given)
	}
	if old == nil || vaulted(old) != given || old.Props().String("keyVault.identityClientId") != vault.String("identityClientId") {
		attempt(op, vault)
	}
	return nil
}

// attempt records how fetching a secret went.
func attempt(op *arm.Op, vault *jsondoc.Object) {
	vault.Set("lastStatus", object("code", vaultUnavailable, "message", vaultMessage, "timeStampUtc", gatehouse.Timestamp(op.Now)))
}

// refreshSecret tries to fetch the secret again and answers the entity with how that went.
func refreshSecret(op *arm.Op) (*arm.Answer, error) {
	var r *arm.Resource
	err := op.Write(nil, func(tx *store.Tx) (err error) {
		if r, err = op.ExistingIn(tx); err != nil {
			return err
		}
		vault := r.Props().Object("keyVault")
		if vault == nil {
			return refusal(gatehouse.Invalid, "ValidationError", "There is nothing to refresh: the %s does not come from Key Vault.", strings.ToLower(op.Route.Type.Noun))
		}
		attempt(op, vault)
		return op.Save(tx, r)
	})
	if err != nil {
		return nil, err
	}
	return arm.OK(op.Show(r)).With("ETag", arm.Tag(r.Revision)), nil
}

// listVaulted is the usual list, or with isKeyVaultRefreshFailed=true that of the
// entities whose secret could not be fetched.
func listVaulted(op *arm.Op) (*arm.Answer, error) {
	if err := op.Exists(op.Store(), op.ID); err != nil {
		return nil, err
	}
	var only func(*arm.Resource) bool
	if strings.EqualFold(op.Query.Get("isKeyVaultRefreshFailed"), "true") {
		only = func(r *arm.Resource) bool {
			code := r.Props().String("keyVault.lastStatus.code")
			return code != "" && !strings.EqualFold(code, "Success")
		}
	}
	scope := op.ID.Scope()
	return op.Page(store.Query{Type: op.Route.TypeName, Parent: &scope}, only)
}
