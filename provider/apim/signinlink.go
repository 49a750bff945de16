package apim

import (
	"net/url"
	"strings"
	"time"

	"gatehouse"
	"gatehouse/arm"
	"gatehouse/gateway/config"
	"gatehouse/store"
)

// signInKeyType is the document with the key that links to sign in to the developer portal are made with.
const signInKeyType = serviceType + "/signInKeys"

// signInLife is how long such a link is good for.
const signInLife = 5 * time.Minute

func signInKey(op *arm.Op, tx *store.Tx, service gatehouse.ID) (string, error) {
	return hiddenKey(op, tx, service.Child("signInKeys", "current"), signInKeyType)
}

// signInLink is an address that signs a user in: .../signin-sso?token={user}&{time}&{signature} (apim-control-plane.md 2.1).
func signInLink(service gatehouse.ID, user, key string, expiry time.Time) string {
	return "https://" + strings.ToLower(service.Name()) + ".portal.azure-api.net/signin-sso?token=" + url.QueryEscape(config.AccessToken(user, key, expiry))
}

// getSSOToken answers a link that signs the administrator of the service in.
func getSSOToken(op *arm.Op) (*arm.Answer, error) {
	var link string
	err := op.Write(nil, func(tx *store.Tx) error {
		service, err := op.ExistingIn(tx)
		if err != nil {
			return err
		}
		key, err := signInKey(op, tx, service.ID)
		if err != nil {
			return err
		}
		link = signInLink(service.ID, "1", key, op.Now.Add(signInLife))
		return tx.Note(gatehouse.Event, "a link to sign in as the administrator of the service was made")
	})
	if err != nil {
		return nil, err
	}
	return arm.OK(object("redirectUri", link)), nil
}
