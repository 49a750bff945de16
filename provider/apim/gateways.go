package apim

import (
	"crypto/rand"
	"encoding/base64"
	"net/http"
	"strings"

	"gatehouse"
	"gatehouse/arm"
	"gatehouse/gateway/config"
	"gatehouse/store"
)

// managedGateway is the name by which the gateway of the service itself is debugged. It is no entity.
const managedGateway = "managed"

// gateways are self-hosted gateways with the APIs, hostnames and certificate authorities
// that they serve with (apim-control-plane.md 2.6). A gateway signs in with a token made of one of its two keys.
func (p *provider) gateways() *arm.Type {
	return published("service/gateways", "", arm.Type{
		Noun: "Gateway", Name: arm.NameRule{Max: 80},
		Hooks: arm.Hooks{Check: checkGateway, Put: keysForGateway, Field: gatewayField},
		Holds: []*arm.Type{gatewayAPIs(), gatewayHostnames(), gatewayAuthorities()},
		Actions: []arm.Action{
			{Name: "listKeys", Do: reveal(map[string]string{"primary": "primary", "secondary": "secondary"})},
			{Name: "regenerateKey", Do: regenerateGatewayKey},
			{Name: "generateToken", Do: generateGatewayToken},
			{Name: "listDebugCredentials", Do: listDebugCredentials},
			{Name: "invalidateDebugCredentials", Do: invalidateDebugCredentials},
			{Name: "listTrace", Do: p.listTrace},
		},
	})
}

func checkGateway(_ *arm.Op, _ *store.Tx, _, next *arm.Resource) error {
	if strings.EqualFold(next.ID.Name(), managedGateway) {
		return validation("gatewayId", "'%s' is the gateway of the service itself; give a self-hosted one another name", managedGateway)
	}
	return nil
}

// keysForGateway keeps the keys beside the body, so that no answer but that of listKeys can hold them.
func keysForGateway(_ *arm.Op, _ *store.Tx, _, next *arm.Resource) error {
	for _, key := range []string{"primary", "secondary"} {
		if next.SecretString(key) == "" {
			next.SetSecret(key, newLongKey())
		}
	}
	return nil
}

// newLongKey is a key of 64 random bytes in base64.
func newLongKey() string {
	var b [64]byte
	rand.Read(b[:])
	return base64.StdEncoding.EncodeToString(b[:])
}

// gatewayField gives $filter the region, which is the name in locationData.
func gatewayField(r *arm.Resource, name string) (any, bool) {
	if strings.EqualFold(name, "region") {
		return r.Props().String("locationData.name"), true
	}
	return nil, false
}

// keyType reads which of the two keys a request is about.
func keyType(op *arm.Op) (string, error) {
	body, err := op.Body()
	if err != nil {
		return "", err
	}
	switch kind := strings.ToLower(body.String("keyType")); kind {
	case "primary", "secondary":
		return kind, nil
	}
	return "", validation("keyType", "keyType has to be primary or secondary")
}

func regenerateGatewayKey(op *arm.Op) (*arm.Answer, error) {
	kind, err := keyType(op)
	if err != nil {
		return nil, err
	}
	err = op.Write(nil, func(tx *store.Tx) error {
		r, err := op.ExistingIn(tx)
		if err != nil {
			return err
		}
		r.SetSecret(kind, newLongKey())
		return op.Save(tx, r)
	})
	if err != nil {
		return nil, err
	}
	return &arm.Answer{Status: http.StatusNoContent}, nil
}

// generateGatewayToken answers what a gateway is started with. It ends with its key.
func generateGatewayToken(op *arm.Op) (*arm.Answer, error) {
	kind, err := keyType(op)
	if err != nil {
		return nil, err
	}
	body, _ := op.Body()
	expiry, err := accessExpiry("expiry", body.String("expiry"), op.Now)
	if err != nil {
		return nil, err
	}
	r, err := op.Existing()
	if err != nil {
		return nil, err
	}
	if err := op.Record("a gateway token was made with the " + kind + " key"); err != nil {
		return nil, err
	}
	return arm.OK(object("value", config.AccessToken(r.ID.Name(), r.SecretString(kind), expiry))), nil
}

// gatewayAPIs are the APIs that a gateway serves, under the names of these. HEAD answers 200 (apim-control-plane.md 1.4).
func gatewayAPIs() *arm.Type {
	behind := func(op *arm.Op, from store.Reader, link *arm.Resource) (*arm.Resource, error) {
		name, _, _ := strings.Cut(link.ID.Name(), ";rev=") // a revision stands for its API
		found, err := op.Load(from, serviceOf(link.ID).Child("apis", name))
		return under(link, found), err
	}
	return published("service/gateways/apis", "", arm.Type{
		Noun: "Api", Name: arm.NameRule{Max: 256, Pattern: namePattern}, NoBody: true,
		Model: arm.NewModel(""),
		Hooks: arm.Hooks{Show: showAPI, Behind: behind, Put: linkGatewayAPI},
	})
}

// linkGatewayAPI spells the link as its API was created.
func linkGatewayAPI(op *arm.Op, tx *store.Tx, _, next *arm.Resource) error {
	name, _, _ := strings.Cut(next.ID.Name(), ";rev=")
	api, err := op.Load(tx, serviceOf(next.ID).Child("apis", name))
	if gatehouse.KindOf(err) == gatehouse.NotFound {
		return notFound("Api")
	}
	if err != nil {
		return err
	}
	next.ID, next.Body = next.ID.Parent().Child("apis", api.ID.Name()), object()
	return nil
}

// dropGatewayLinks takes an API that goes out of the gateways that serve it.
func dropGatewayLinks(op *arm.Op, tx *store.Tx, api *arm.Resource) error {
	holder := api.ID.Parent().Scope()
	links, err := tx.List(op.Context, store.Query{Type: typeBeside(api, "gateways/apis"), Under: &holder, Name: api.ID.Name()})
	if err != nil {
		return err
	}
	return deleteAll(tx, links.Documents)
}

func gatewayHostnames() *arm.Type {
	return published("service/gateways/hostnameConfigurations", `
		properties.hostname                   string required min=1
		properties.certificateId              string
		properties.negotiateClientCertificate bool default=false
		properties.tls10Enabled               bool default=false
		properties.tls11Enabled               bool default=false
		properties.http2Enabled               bool default=true
	`, arm.Type{
		Noun: "GatewayHostnameConfiguration", Name: arm.NameRule{Max: 80},
		Hooks: arm.Hooks{Check: func(op *arm.Op, tx *store.Tx, _, next *arm.Resource) error {
			return reference(op, tx, next.ID, next.Props(), "certificateId", "certificates")
		}},
	})
}

// gatewayAuthorities say which certificates of the service are authorities for the clients of a gateway; the name is the certificate's.
func gatewayAuthorities() *arm.Type {
	return published("service/gateways/certificateAuthorities", `
		properties.isTrusted bool default=false
	`, arm.Type{
		Noun: "GatewayCertificateAuthority", Name: arm.NameRule{Max: 80},
		Hooks: arm.Hooks{Check: func(op *arm.Op, tx *store.Tx, _, next *arm.Resource) error {
			return entityExists(op, tx, serviceOf(next.ID).Child("certificates", next.ID.Name()), "Certificate")
		}},
	})
}
