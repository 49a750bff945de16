package config

import (
	"crypto/hmac"
	"crypto/sha512"
	"encoding/base64"
	"net/url"
	"strings"
	"time"

	"gatehouse"
)

const accessTime = "200601021504"

// AccessToken makes a token for the holder of a name: {name}&{yyyyMMddHHmm}&{signature}. The signature is
// HMAC-SHA512 with the key over name, line feed and time. Self-hosted gateways and users have such tokens
// (apim-control-plane.md 1.9).
func AccessToken(name, key string, expiry time.Time) string {
	until := expiry.UTC().Format(accessTime)
	return name + "&" + until + "&" + base64.StdEncoding.EncodeToString(accessSignature(name, until, key))
}

func accessSignature(name, until, key string) []byte {
	mac := hmac.New(sha512.New, []byte(key))
	mac.Write([]byte(name + "\n" + until))
	return mac.Sum(nil)
}

// cutAccess takes a token apart, from the end: a name may hold the sign.
func cutAccess(token string) (name, until, signature string) {
	at := strings.LastIndexByte(token, '&')
	before, signature := token[:max(at, 0)], token[at+1:]
	at = strings.LastIndexByte(before, '&')
	return before[:max(at, 0)], before[at+1:], signature
}

// AccessTokenName is the name that a token claims to be for.
func AccessTokenName(token string) string {
	name, _, _ := cutAccess(token)
	return name
}

// AccessTokenValid reports whether a token was made for a name with one of the keys and has not ended.
func AccessTokenValid(token, name string, now time.Time, keys ...string) bool {
	claimed, until, text := cutAccess(token)
	end, err := time.Parse(accessTime, until)
	signature, bad := base64.StdEncoding.DecodeString(text)
	if err != nil || bad != nil || !gatehouse.EqualFold(claimed, name) || !now.Before(end) {
		return false
	}
	for _, key := range keys {
		if key != "" && hmac.Equal(signature, accessSignature(claimed, until, key)) {
			return true
		}
	}
	return false
}

// DebugResult is what became of debug credentials that a call brought.
type DebugResult int

// The results. A gateway tells expired credentials and those for another API apart (gateway.md 14).
const (
	DebugRefused DebugResult = iota // not made with the key
	DebugGranted
	DebugExpired
	DebugOtherAPI
)

// DebugToken is what permits tracing calls of an API until a time: aid={api}&p=tracing&ex={time}&sn={signature}.
func DebugToken(api, key string, expiry time.Time) string {
	text := "aid=" + url.QueryEscape(api) + "&p=tracing&ex=" + expiry.UTC().Format(time.RFC3339)
	return text + "&sn=" + url.QueryEscape(base64.StdEncoding.EncodeToString(debugSignature(text, key)))
}

func debugSignature(text, key string) []byte {
	mac := hmac.New(sha512.New, []byte(key))
	mac.Write([]byte(text))
	return mac.Sum(nil)
}

// CheckDebugToken says whether a token permits tracing calls of the API with a name now.
func CheckDebugToken(token, api, key string, now time.Time) DebugResult {
	text, signature, _ := strings.Cut(token, "&sn=")
	q, err := url.ParseQuery(text)
	if err != nil || key == "" {
		return DebugRefused
	}
	signature, err = url.QueryUnescape(signature)
	sent, bad := base64.StdEncoding.DecodeString(signature)
	expiry, late := time.Parse(time.RFC3339, q.Get("ex"))
	switch {
	case err != nil || bad != nil || late != nil || !hmac.Equal(sent, debugSignature(text, key)) || q.Get("p") != "tracing":
		return DebugRefused
	case !now.Before(expiry):
		return DebugExpired
	case !gatehouse.EqualFold(q.Get("aid"), api):
		return DebugOtherAPI
	}
	return DebugGranted
}
