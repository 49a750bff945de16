package apim_test

import (
	"encoding/base64"
	"net/url"
	"strings"
	"testing"
	"time"
)

// A token names its user and its end, and is the same when it is asked for again. The two
// keys, two users and the portal's address never give the same signature (apim-control-plane.md 1.9).
func TestUserTokens(t *testing.T) {
	w := world(t)
	for _, name := range []string{"ada", "grace"} {
		if a := w.Do("owner", "PUT", service+"/users/"+name+version, nil, `{"properties": {"email": "`+name+`@contoso.test", "firstName": "A", "lastName": "B"}}`); a.Code != 201 {
			t.Fatalf("%d %s", a.Code, a.Body)
		}
	}
	until := w.Clock.Now().Add(24 * time.Hour).UTC().Truncate(time.Minute)
	token := func(user, key string) string {
		a := w.Do("owner", "POST", service+"/users/"+user+"/token"+version, nil, `{"properties": {"keyType": "`+key+`", "expiry": "`+until.Format(time.RFC3339)+`"}}`)
		return parse(t, a.Body.Bytes()).String("value")
	}
	address, err := url.Parse(parse(t, w.Do("owner", "POST", service+"/users/ada/generateSsoUrl"+version, nil, "").Body.Bytes()).String("value"))
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, text := range []string{token("ada", "primary"), token("ada", "secondary"), token("grace", "primary"), token("1", "primary"), address.Query().Get("token")} {
		parts := strings.Split(text, "&")
		if len(parts) != 3 || len(parts[1]) != 12 {
			t.Fatalf("%q is no token", text)
		}
		if mac, err := base64.StdEncoding.DecodeString(parts[2]); err != nil || len(mac) != 64 || seen[parts[2]] {
			t.Errorf("%q has no signature of its own", text)
		}
		seen[parts[2]] = true
	}
	if first, again := token("ada", "primary"), token("ada", "primary"); first != again || !strings.HasPrefix(first, "ada&"+until.Format("200601021504")+"&") {
		t.Errorf("tokens are %q and %q", first, again)
	}
}
