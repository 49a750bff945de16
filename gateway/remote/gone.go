package remote

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"strings"

	"gatehouse"
)

// A gateway that was taken away has no proof any more of what it was, and would go on serving as if the node were away. So the
// states that the node hands out are signed: who shows one was that gateway when it got it, and may hear that it is gone.

// newState names a state of a gateway: {random}.{scope}.{signature}.
func (n *Node) newState(a *asking) string {
	text := rand.Text() + "." + base64.RawURLEncoding.EncodeToString([]byte(a.scope.String()))
	return text + "." + n.signature(text, a.gateway)
}

func (n *Node) signature(text, gateway string) string {
	mac := hmac.New(sha256.New, n.Secret)
	mac.Write([]byte(text + "\n" + gateway))
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

// left is what a gateway hears that cannot prove itself because it is gone, or its service is; nil for everybody else.
func (n *Node) left(r *http.Request, parts []string, refused error) *head {
	q, gateway := r.URL.Query(), gatehouse.Fold(parts[1])
	state := q.Get("state") + q.Get("was") // one of them is empty
	at := strings.LastIndexByte(state, '.')
	if refused == nil || parts[2] != "updates" || at < 0 || !hmac.Equal([]byte(n.signature(state[:at], gateway)), []byte(state[at+1:])) {
		return nil
	}
	_, text, _ := strings.Cut(state[:at], ".")
	path, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil {
		return nil
	}
	id, err := gatehouse.ParseID(string(path))
	if err != nil || !gatehouse.EqualFold(id.Name(), parts[0]) {
		return nil
	}
	a := &asking{service: id, scope: id.Scope(), gateway: gateway}
	if n.resourceOf(a.scope) != "" && (gateway == Managed || n.exists(a)) {
		return nil
	}
	return &head{Service: id.String(), Gone: true}
}
