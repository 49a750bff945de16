package apim

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"net/http"
	"strings"

	"gatehouse/arm"
	"gatehouse/jsondoc"
	"gatehouse/store"
)

// tenant holds the keys to a service's management interface and to its configuration
// store: tenant/access and tenant/gitAccess, which always exist (apim-control-plane.md
// 2.8). Keys are made when somebody first asks for them or writes the document. The
// configuration itself, tenant/configuration, has nothing but actions.
func tenant() *arm.Type {
	return published("service/tenant", `
		properties.primaryKey   string secret min=1 max=256
		properties.secondaryKey string secret min=1 max=256
		properties.enabled      bool default=false
	`, arm.Type{
		Noun: "AccessInformation", Name: arm.NameRule{Only: []string{"access", "gitAccess"}}, Always: []string{"access", "gitAccess"},
		WideTag: true,
		Hooks: arm.Hooks{Initial: initialAccess, Put: func(_ *arm.Op, _ *store.Tx, _, next *arm.Resource) error {
			makeKeys(next)
			return nil
		}, Show: showAccess},
		Actions: []arm.Action{
			{Name: "listSecrets", Do: listAccessSecrets},
			{Name: "regeneratePrimaryKey", Do: regenerateAccess("properties.primaryKey", false)},
			{Name: "regenerateSecondaryKey", Do: regenerateAccess("properties.secondaryKey", false)},
			{Name: "git/regeneratePrimaryKey", As: serviceType + "/tenant/regeneratePrimaryKey/action", Do: regenerateAccess("properties.primaryKey", true)},
			{Name: "git/regenerateSecondaryKey", As: serviceType + "/tenant/regenerateSecondaryKey/action", Do: regenerateAccess("properties.secondaryKey", true)},
			{Name: "save", Do: onlyFor("configuration", saveConfiguration)},
			{Name: "validate", Do: onlyFor("configuration", validateConfiguration)},
			{Name: "deploy", Do: onlyFor("configuration", deployConfiguration)},
		},
	})
}

func initialAccess(_ *arm.Op, service *arm.Resource, _ string) (*jsondoc.Object, error) {
	if err := inTier(service, "classic"); err != nil {
		return nil, err
	}
	return object("properties", object("enabled", false)), nil
}

// makeKeys gives a document the keys that it lacks: hexadecimal ones for the interface,
// longer ones for git, as the service's are (apim-control-plane.md 1.9).
func makeKeys(r *arm.Resource) {
	for _, key := range []string{"properties.primaryKey", "properties.secondaryKey"} {
		if r.SecretString(key) == "" {
			r.SetSecret(key, newAccessKey(r))
		}
	}
}

func newAccessKey(r *arm.Resource) string {
	if !isGit(r) {
		return newKey()
	}
	var b [64]byte
	rand.Read(b[:])
	return base64.StdEncoding.EncodeToString(b[:])
}

func isGit(r *arm.Resource) bool { return strings.EqualFold(r.ID.Name(), "gitAccess") }

// accessID is the user that the keys of a document belong to, in its form of 24 digits; git has a fixed one.
func accessID(r *arm.Resource) string {
	if isGit(r) {
		return "git"
	}
	sum := sha256.Sum256([]byte(r.ID.Scope().String()))
	return hex.EncodeToString(sum[:12])
}

func showAccess(_ *arm.Op, r *arm.Resource, out *jsondoc.Object) {
	props := object("id", accessID(r))
	for name, v := range out.Object("properties").All() {
		props.Set(name, v)
	}
	out.Set("properties", props)
}

// withKeys changes an access document that has its keys, and saves it if that changed anything.
func withKeys(op *arm.Op, git bool, change func(r *arm.Resource)) (r *arm.Resource, err error) {
	err = op.Write(nil, func(tx *store.Tx) error {
		if r, err = op.ExistingIn(tx); err != nil {
			return err
		}
		if git {
			if r, err = op.Load(tx, r.ID.Parent().Child("tenant", "gitAccess")); err != nil {
				return err
			}
		}
		if r.Revision > 0 && change == nil {
			return nil
		}
		makeKeys(r)
		if change != nil {
			change(r)
		}
		return op.Save(tx, r)
	})
	return r, err
}

func listAccessSecrets(op *arm.Op) (*arm.Answer, error) {
	r, err := withKeys(op, false, nil)
	if err != nil {
		return nil, err
	}
	if err := op.Record("secrets revealed"); err != nil {
		return nil, err
	}
	principal, _ := r.Props().Get("principalId")
	return arm.OK(object("id", accessID(r), "principalId", principal, "primaryKey", r.SecretString("properties.primaryKey"),
		"secondaryKey", r.SecretString("properties.secondaryKey"), "enabled", r.Props().Bool("enabled"))).With("ETag", op.Route.Type.Tag(r)), nil
}

// regenerateAccess makes a new key. Those below git are the ones of gitAccess, whatever name stands before.
func regenerateAccess(key string, git bool) arm.Handler {
	return func(op *arm.Op) (*arm.Answer, error) {
		_, err := withKeys(op, git, func(r *arm.Resource) { r.SetSecret(key, newAccessKey(r)) })
		if err != nil {
			return nil, err
		}
		return &arm.Answer{Status: http.StatusNoContent}, nil
	}
}
