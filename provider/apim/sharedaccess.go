package apim

import (
	"crypto/hmac"
	"crypto/sha512"
	"encoding/base64"
	"strings"
	"time"

	"gatehouse"
)

// longestAccess is how long a shared access token may live (apim-control-plane.md 1.9).
const longestAccess = 30 * 24 * time.Hour

const accessTime = "200601021504"

// sharedAccess makes a token for the holder of a name: {id}&{yyyyMMddHHmm}&{signature}.
// The signature is HMAC-SHA512 with the key over id, line feed and time.
func sharedAccess(id, key string, expiry time.Time) string {
	until := expiry.UTC().Format(accessTime)
	return id + "&" + until + "&" + base64.StdEncoding.EncodeToString(accessSignature(id, until, key))
}

func accessSignature(id, until, key string) []byte {
	mac := hmac.New(sha512.New, []byte(key))
	mac.Write([]byte(id + "\n" + until))
	return mac.Sum(nil)
}

// sharedAccessValid reports whether a token was made for id with one of the keys and has not ended.
func sharedAccessValid(token, id string, now time.Time, keys ...string) bool {
	at := strings.LastIndexByte(token, '&') // from the end: a name may hold the sign
	before, text := token[:max(at, 0)], token[at+1:]
	at = strings.LastIndexByte(before, '&')
	name, until := before[:max(at, 0)], before[at+1:]
	end, err := time.Parse(accessTime, until)
	signature, bad := base64.StdEncoding.DecodeString(text)
	if err != nil || bad != nil || !gatehouse.EqualFold(name, id) || !now.Before(end) {
		return false
	}
	for _, key := range keys {
		if key != "" && hmac.Equal(signature, accessSignature(name, until, key)) {
			return true
		}
	}
	return false
}

// accessExpiry reads the expiry of a token request: later than now, at most 30 days ahead.
func accessExpiry(member, text string, now time.Time) (time.Time, error) {
	expiry, err := parseMoment(text)
	switch {
	case text == "":
		return time.Time{}, validation(member, "%s is required", member)
	case err != nil:
		return time.Time{}, validation(member, "%s has to be a date and time such as 2026-01-31T12:00:00Z", member)
	case !expiry.After(now):
		return time.Time{}, validation(member, "%s has to be in the future", member)
	case expiry.After(now.Add(longestAccess)):
		return time.Time{}, validation(member, "%s may be at most 30 days ahead", member)
	}
	return expiry, nil
}

// parseMoment takes the spellings of a moment that clients send; without a zone it is UTC.
func parseMoment(text string) (t time.Time, err error) {
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05.9999999", "2006-01-02T15:04", "2006-01-02"} {
		if t, err = time.Parse(layout, text); err == nil {
			return t.UTC(), nil
		}
	}
	return t, err
}
