package hooks

import (
	"net/http"
	"strings"

	"gatehouse/gateway"
	"gatehouse/gateway/admit"
)

// Front answers calls of a gateway: its own paths below admit.Prefix, on every host name, and everything else by the gateway.
type Front struct {
	Gateway *gateway.Gateway
	Hooks   *Hooks
	Calls   http.Handler // what calls of APIs go to: Gateway, or something around it
	forward *admit.ForwardAuth
}

// NewFront returns what a listener of a gateway serves.
func NewFront(g *gateway.Gateway, h *Hooks) *Front {
	return &Front{g, h, g, &admit.ForwardAuth{Gate: h.Gate, SignIn: h.SignIn, Signer: h.Signer, Find: h.Find(g)}}
}

func (f *Front) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !strings.HasPrefix(r.URL.Path, admit.Prefix) {
		f.Calls.ServeHTTP(w, r)
		return
	}
	switch path := r.URL.Path; {
	case path == admit.ForwardAuthPath || strings.HasPrefix(path, admit.ForwardAuthPath+"/"):
		f.forward.ServeHTTP(w, r)
	case path == admit.KeysPath && f.Hooks.Signer != nil:
		f.Hooks.Signer.ServeHTTP(w, r)
	case f.Hooks.SignIn != nil && f.Hooks.SignIn.Owns(path):
		f.Hooks.SignIn.ServeHTTP(w, r)
	default:
		http.NotFound(w, r)
	}
}
