package entra

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"strings"

	"gatehouse"
	"gatehouse/directory"
)

// IdentityPath returns the path that stands for the secret of the managed identity
// endpoint, for MSI_ENDPOINT: az sends no secret in a header with it. "" when there is no secret.
func (s *Server) IdentityPath() string {
	if s.cfg.IdentitySecret == "" {
		return ""
	}
	return "/" + url.PathEscape(s.cfg.IdentitySecret) + "/metadata/identity/oauth2/token"
}

// Imds returns the managed identity endpoint, for a plain HTTP listener of its own
// on the loopback interface. The package comment says who gets what from it.
func (s *Server) Imds() http.Handler { return http.HandlerFunc(s.serveIdentity) }

// identityFault is a refusal of this endpoint, in the instance metadata service's shape.
type identityFault struct {
	Error       string `json:"error"`
	Description string `json:"error_description"`
	status      int
}

func identityError(status int, kind, description string) *identityFault {
	return &identityFault{kind, description, status}
}

func (s *Server) serveIdentity(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("x-ms-request-id", gatehouse.NewGUID().String())
	w.Header().Set("X-Content-Type-Options", "nosniff")
	f, trusted, refusal := s.readIdentity(w, r)
	var p *directory.Principal
	if refusal == nil {
		p, refusal = s.selectIdentity(f, trusted)
	}
	if refusal != nil {
		writeJSON(w, refusal.status, refusal)
		return
	}
	answer, err := s.identityToken(r.Context(), f, p)
	if err != nil {
		e := asFault(err)
		status := http.StatusBadRequest
		if e.kind == serverError || e.kind == temporarily {
			status = e.httpStatus() // clients retry 5xx
		}
		writeJSON(w, status, identityError(status, e.kind, e.Error()))
		return
	}
	writeJSON(w, http.StatusOK, answer)
}

// readIdentity checks that a program of this machine asks, and how much it may:
// trusted is one that sent the secret.
func (s *Server) readIdentity(w http.ResponseWriter, r *http.Request) (f form, trusted bool, refusal *identityFault) {
	if len(r.Header.Values("X-Forwarded-For")) > 0 {
		return f, false, identityError(http.StatusBadRequest, invalidRequest, "Requests with the header X-Forwarded-For are refused: this endpoint is for programs of this machine.")
	}
	if !localHost(r.Host) {
		return f, false, identityError(http.StatusBadRequest, invalidRequest, "The Host header does not name a loopback address.")
	}
	secret, fromPath := s.pathSecret(r.URL.Path)
	header := r.Header.Get("X-IDENTITY-HEADER")
	if header == "" {
		header = r.Header.Get("Secret") // the App Service form of 2017-09-01
	}
	switch {
	case header != "":
		if trusted = s.isIdentitySecret(header); !trusted {
			return f, false, identityError(http.StatusUnauthorized, "unauthorized", "The header X-IDENTITY-HEADER does not hold this server's secret. Take IDENTITY_HEADER from: gatehouse env.")
		}
	case !strings.EqualFold(r.Header.Get("Metadata"), "true"):
		return f, false, identityError(http.StatusBadRequest, invalidRequest, "Required metadata header not specified. Send 'Metadata: true', or X-IDENTITY-HEADER with the secret.")
	case fromPath:
		if trusted = s.isIdentitySecret(secret); !trusted {
			return f, false, identityError(http.StatusUnauthorized, "unauthorized", "The path does not hold this server's secret. Take MSI_ENDPOINT from: gatehouse env.")
		}
	default:
		if !fromLoopback(r.RemoteAddr) {
			return f, false, identityError(http.StatusForbidden, "forbidden", "Without the secret only programs of this machine are answered.")
		}
	}
	f, refusal = s.identityForm(w, r)
	return f, trusted, refusal
}

// pathSecret splits /{secret}/metadata/identity/oauth2/token.
func (s *Server) pathSecret(path string) (string, bool) {
	first, rest, _ := strings.Cut(strings.TrimLeft(path, "/"), "/")
	if gatehouse.Fold(first) == "metadata" || !strings.EqualFold(strings.TrimRight(rest, "/"), "metadata/identity/oauth2/token") {
		return "", false
	}
	return first, true
}

func (s *Server) isIdentitySecret(text string) bool {
	got, want := sha256.Sum256([]byte(text)), sha256.Sum256([]byte(s.cfg.IdentitySecret))
	return s.cfg.IdentitySecret != "" && subtle.ConstantTimeCompare(got[:], want[:]) == 1
}

func (s *Server) identityForm(w http.ResponseWriter, r *http.Request) (form, *identityFault) {
	f := form{address: addressOf(r), request: w.Header().Get("x-ms-request-id"), values: r.URL.Query()}
	switch r.Method {
	case http.MethodGet:
	case http.MethodPost:
		posted, err := s.readForm(w, r)
		if err != nil {
			return f, identityError(http.StatusBadRequest, invalidRequest, asFault(err).message)
		}
		for name, values := range posted.values {
			f.values[name] = append(f.values[name], values...)
		}
	default:
		w.Header().Set("Allow", "GET, POST")
		return f, identityError(http.StatusMethodNotAllowed, invalidRequest, "Ask with GET or POST.")
	}
	f.client = correlationOf(r)
	for name, values := range f.values {
		if len(values) > 1 {
			return f, identityError(http.StatusBadRequest, invalidRequest, "The parameter '"+clip(name)+"' is duplicated.")
		}
	}
	if f.get("resource") == "" {
		return f, identityError(http.StatusBadRequest, invalidRequest, "The required query variable 'resource' is missing.")
	}
	return f, nil
}

// localHost keeps web pages out: a page can have its own host name resolve to
// this machine, but cannot change the name it sends (DNS rebinding).
func localHost(host string) bool {
	u := url.URL{Host: host}
	name := u.Hostname()
	ip, err := netip.ParseAddr(name)
	return gatehouse.Fold(name) == "localhost" || err == nil && (ip.IsLoopback() || name == "169.254.169.254")
}

func fromLoopback(address string) bool {
	ap, err := netip.ParseAddrPort(address)
	return err == nil && ap.Addr().Unmap().IsLoopback()
}

// selectIdentity finds the identity that is meant, of those that the caller may have.
func (s *Server) selectIdentity(f form, trusted bool) (*directory.Principal, *identityFault) {
	notFound := identityError(http.StatusBadRequest, invalidRequest, "Identity not found")
	allowed := s.allowedIdentities(trusted)
	wanted, selected := selector(f)
	if !selected {
		if len(allowed) == 0 || len(s.cfg.Identities) == 0 && len(allowed) > 1 {
			return nil, identityError(http.StatusBadRequest, invalidRequest, "No identity is meant: name one by client_id, object_id or msi_res_id, or start the server with a default one.")
		}
		return allowed[0], nil
	}
	for _, p := range allowed {
		if identityIs(p, wanted.kind, wanted.value) {
			return p, nil
		}
	}
	return nil, notFound
}

type selection struct{ kind, value string }

// selector reads which identity a request names (clients.md 6).
func selector(f form) (selection, bool) {
	for _, c := range []struct{ parameter, kind string }{
		{"client_id", "client"}, {"clientid", "client"}, {"object_id", "object"}, {"principal_id", "object"},
		{"msi_res_id", "resource"}, {"mi_res_id", "resource"},
	} {
		if v := f.get(c.parameter); v != "" {
			return selection{c.kind, v}, true
		}
	}
	return selection{}, false
}

// identityIs compares with one kind of name, or with all of them when kind is "".
func identityIs(p *directory.Principal, kind, value string) bool {
	if id, err := gatehouse.ParseGUID(value); err == nil && !id.IsZero() {
		return kind != "object" && kind != "resource" && p.AppID == id || kind != "client" && kind != "resource" && p.ID == id
	}
	if kind != "" && kind != "resource" {
		return false
	}
	id, err := gatehouse.ParseScope(value)
	own, err2 := gatehouse.ParseScope(p.Resource)
	return err == nil && err2 == nil && !id.IsRoot() && id == own
}

// allowedIdentities are those of the configuration, in its order, or for who sent
// the secret all of them when it names none.
func (s *Server) allowedIdentities(trusted bool) (allowed []*directory.Principal) {
	all := s.dir.ManagedIdentities()
	for _, name := range s.cfg.Identities {
		for _, oid := range all {
			if p, ok := s.dir.Principal(oid); ok && identityIs(p, "", name) {
				allowed = append(allowed, p)
			}
		}
	}
	if len(s.cfg.Identities) > 0 || !trusted {
		return allowed
	}
	for _, oid := range all {
		if p, ok := s.dir.Principal(oid); ok {
			allowed = append(allowed, p)
		}
	}
	return allowed
}

// identityToken makes the answer; its numbers are texts, as the clients expect.
func (s *Server) identityToken(ctx context.Context, f form, p *directory.Principal) (any, error) {
	if !p.Enabled {
		return nil, s.failed(ctx, f, p, p.AppID, "identity", fault(unauthorizedClient, 7000112, "The identity '%s' is disabled.", p.AppID))
	}
	r, err := s.resolve(ctx, strings.TrimSuffix(f.get("resource"), "/.default"))
	if err != nil {
		return nil, s.failed(ctx, f, p, p.AppID, "identity", err)
	}
	t, err := s.issue(ctx, f, grant{principal: p, client: p.AppID, method: "identity", asked: asked{resource: r, names: []string{".default"}}})
	if err != nil {
		return nil, err
	}
	now := s.now()
	left := strconv.FormatInt(int64(t.expires.Sub(now).Seconds()), 10)
	return map[string]string{
		"access_token": t.access, "client_id": p.AppID.String(), "expires_in": left, "ext_expires_in": left,
		"expires_on": strconv.FormatInt(t.expires.Unix(), 10), "not_before": strconv.FormatInt(now.Unix(), 10),
		"resource": f.get("resource"), "token_type": "Bearer",
	}, nil
}
