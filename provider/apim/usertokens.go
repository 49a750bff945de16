package apim

import (
	"crypto/hmac"
	"crypto/sha512"
	"encoding/base64"
	"net/http"
	"net/url"
	"strings"
	"time"

	"gatehouse/arm"
	"gatehouse/jsondoc"
	"gatehouse/store"
)

// Tokens of users have the form {user}&{yyyyMMddHHmm}&{signature}, the time being that
// of their end (apim-control-plane.md 1.9). The signature is HMAC-SHA512, under a key that
// is made with the user and never leaves the server, of the purpose and the part before it.

const (
	tokenTime   = "200601021504"
	longestLife = 30 * 24 * time.Hour
	ssoLife     = 5 * time.Minute
)

// tokenKey is where a user keeps a key for its tokens.
func tokenKey(kind string) string { return "tokens." + kind }

// signedToken is a token of a user until a time. What it is for is signed too, so that one
// for the portal, which stands in an address, gives no access to anything else.
func signedToken(key, purpose, user string, until time.Time) string {
	text := user + "&" + until.UTC().Format(tokenTime)
	mac := hmac.New(sha512.New, []byte(key))
	mac.Write([]byte(purpose + "\n" + text))
	return text + "&" + base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

// userKey reads a key of the addressed user. One who came before there were keys gets them.
func userKey(op *arm.Op, kind string) (user *arm.Resource, key string, err error) {
	if user, err = op.Existing(); err != nil {
		return nil, "", err
	}
	if key = user.SecretString(tokenKey(kind)); key != "" {
		return user, key, nil
	}
	err = op.Write(nil, func(tx *store.Tx) (err error) {
		if user, err = op.ExistingIn(tx); err == nil && user.SecretString(tokenKey(kind)) == "" {
			user.SetSecret(tokenKey(kind), newKey())
			err = op.Save(tx, user)
		}
		return err
	})
	if err != nil {
		return nil, "", err
	}
	return user, user.SecretString(tokenKey(kind)), nil
}

func userToken(op *arm.Op) (*arm.Answer, error) {
	body, err := op.Body()
	if err != nil {
		return nil, err
	}
	kind := strings.ToLower(body.String("properties.keyType"))
	if kind != "primary" && kind != "secondary" {
		return nil, validation("keyType", "keyType has to be primary or secondary")
	}
	until, err := expiry(op, body)
	if err != nil {
		return nil, err
	}
	user, key, err := userKey(op, kind)
	if err != nil {
		return nil, err
	}
	if err := op.Record("token issued"); err != nil {
		return nil, err
	}
	return arm.OK(object("value", signedToken(key, "access", user.ID.Name(), until))), nil
}

// expiry is when a token that a request asks for ends: later, and within thirty days.
func expiry(op *arm.Op, body *jsondoc.Object) (time.Time, error) {
	text := body.String("properties.expiry")
	for _, form := range []string{time.RFC3339Nano, "2006-01-02T15:04:05.999999999"} {
		until, err := time.Parse(form, text)
		switch {
		case err != nil:
			continue
		case !until.After(op.Now) || until.After(op.Now.Add(longestLife)):
			return until, validation("expiry", "expiry has to lie in the future, at most 30 days ahead")
		}
		return until, nil
	}
	return time.Time{}, validation("expiry", "expiry has to be a date and time such as 2026-01-31T12:00:00Z")
}

// generateSSO is an address of the developer portal that signs the user in, for five minutes.
func generateSSO(op *arm.Op) (*arm.Answer, error) {
	user, key, err := userKey(op, "primary")
	if err != nil {
		return nil, err
	}
	if err := op.Record("sign-on address issued"); err != nil {
		return nil, err
	}
	address := url.URL{Scheme: "https", Host: strings.ToLower(serviceOf(op.ID).Name()) + ".developer.azure-api.net", Path: "/signin-sso",
		RawQuery: "token=" + url.QueryEscape(signedToken(key, "sign-on", user.ID.Name(), op.Now.Add(ssoLife)))}
	return arm.OK(object("value", address.String())), nil
}

// sendConfirmation records that a user is to get the mail about a new password. No mail goes out yet.
func sendConfirmation(op *arm.Op) (*arm.Answer, error) {
	if _, err := op.Existing(); err != nil {
		return nil, err
	}
	if err := op.Record("password confirmation requested; mail is not set up"); err != nil {
		return nil, err
	}
	return &arm.Answer{Status: http.StatusNoContent}, nil
}
