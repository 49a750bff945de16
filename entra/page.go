package entra

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"embed"
	"encoding/base64"
	"errors"
	"html/template"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"time"

	"gatehouse"
	"gatehouse/directory"
	"gatehouse/entra/password"
	"gatehouse/jsondoc"
	"gatehouse/store"
)

//go:embed pages
var pageFiles embed.FS

// pages are the sign-in pages. They work without scripts; the only script sends
// the form of response_mode=form_post.
type pages struct {
	tenant string
	html   *template.Template
	style  []byte
	script []byte
}

func loadPages(tenant string) (*pages, error) {
	html, err1 := template.ParseFS(pageFiles, "pages/*.html")
	style, err2 := pageFiles.ReadFile("pages/style.css")
	script, err3 := pageFiles.ReadFile("pages/post.js")
	return &pages{tenant, html, style, script}, errors.Join(err1, err2, err3)
}

// page is what the templates show.
type page struct {
	Title, Tenant, Problem string
	Action                 string // where the form goes
	Form                   string // the token that ties a form to the browser it was made for
	Request                string // what the forms carry on: the authorize query, or a user code
	App, AppID, User       string
	Target, Text, Trace    string
	Scopes                 []string
	Fields                 map[string]string
	status                 int
	formTo                 string // an origin that a form, or the redirect after it, may go to
}

func (s *Server) serveStyle(w http.ResponseWriter, _ *http.Request) {
	writeAsset(w, "text/css; charset=utf-8", s.pages.style)
}

func (s *Server) serveScript(w http.ResponseWriter, _ *http.Request) {
	writeAsset(w, "text/javascript; charset=utf-8", s.pages.script)
}

func writeAsset(w http.ResponseWriter, kind string, body []byte) {
	w.Header().Set("Content-Type", kind)
	w.Header().Set("Cache-Control", "max-age=3600")
	w.Write(body)
}

// show renders a page. Nothing inline is allowed, nobody may frame it, and forms
// go to this server or to where the redirect after them leads.
func (s *Server) show(w http.ResponseWriter, r *http.Request, name string, p page) {
	p.Tenant, p.Form = s.pages.tenant, s.formToken(w, r)
	var out strings.Builder
	if err := s.pages.html.ExecuteTemplate(&out, name, p); err != nil {
		s.cfg.Logger.LogAttrs(r.Context(), slog.LevelError, "a page could not be rendered", slog.String("page", name), slog.String("cause", err.Error()))
		http.Error(w, "The page could not be shown.", http.StatusInternalServerError)
		return
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; script-src 'self'; form-action "+strings.TrimSpace("'self' "+p.formTo)+"; frame-ancestors 'none'; base-uri 'none'")
	h.Set("X-Frame-Options", "DENY")
	h.Set("Referrer-Policy", "same-origin") // with none at all, browsers send forms with the origin null
	h.Set("Cache-Control", "no-store")
	if p.status == 0 {
		p.status = http.StatusOK
	}
	w.WriteHeader(p.status)
	if r.Method != http.MethodHead {
		w.Write([]byte(out.String()))
	}
}

// showFault shows an error that cannot be sent back to any application.
func (s *Server) showFault(w http.ResponseWriter, r *http.Request, err error) {
	f := asFault(err)
	if f.cause != nil {
		s.cfg.Logger.LogAttrs(r.Context(), severity(f), "sign-in page failed", slog.Int("code", f.number), slog.String("cause", f.cause.Error()))
	}
	s.show(w, r, "message", page{Title: "Sorry, that did not work", Text: f.Error(), Trace: w.Header().Get("x-ms-request-id"), status: f.httpStatus()})
}

// cookieName keeps servers on one host apart: cookies do not know ports.
func (s *Server) cookieName(what string) string {
	u, err := url.Parse(s.public)
	if err != nil || u.Port() == "" {
		return "__Host-gatehouse-" + what
	}
	return "__Host-gatehouse-" + what + "-" + u.Port()
}

func (s *Server) cookie(what, value string, site http.SameSite) *http.Cookie {
	return &http.Cookie{Name: s.cookieName(what), Value: value, Path: "/", Secure: true, HttpOnly: true, SameSite: site}
}

// formToken returns the token for this browser's forms, giving it a cookie when it has none.
func (s *Server) formToken(w http.ResponseWriter, r *http.Request) string {
	c, err := r.Cookie(s.cookieName("form"))
	if err != nil || len(c.Value) < 20 {
		c = s.cookie("form", newID(24), http.SameSiteLaxMode)
		http.SetCookie(w, c)
		r.AddCookie(c) // so that a second page in this answer uses the same
	}
	return formDigest(c.Value)
}

func formDigest(cookie string) string {
	sum := sha256.Sum256([]byte("form " + cookie))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// checkForm refuses a form that this browser was not shown by this server.
func (s *Server) checkForm(r *http.Request) error {
	stale := fault(invalidRequest, 90100, "The form is not from this page, or the browser does not keep cookies. Go back, load the page again and retry.").status(http.StatusForbidden)
	guard := http.NewCrossOriginProtection()
	if err := guard.AddTrustedOrigin(s.public); err != nil {
		return err
	}
	if guard.Check(r) != nil {
		return stale
	}
	c, err := r.Cookie(s.cookieName("form"))
	if err != nil || subtle.ConstantTimeCompare([]byte(formDigest(c.Value)), []byte(r.PostForm.Get("form"))) != 1 {
		return stale
	}
	return nil
}

// readPage reads the form of a page, and nothing for a GET.
func (s *Server) readPage(w http.ResponseWriter, r *http.Request) (form, error) {
	if r.Method != http.MethodPost {
		r.PostForm = url.Values{}
		return form{address: addressOf(r), request: w.Header().Get("x-ms-request-id"), client: correlationOf(r), values: url.Values{}}, nil
	}
	return s.readForm(w, r)
}

// browserSession returns the signed-in user of this browser, nil when there is none.
func (s *Server) browserSession(r *http.Request) (*directory.Principal, session, error) {
	c, err := r.Cookie(s.cookieName("session"))
	if err != nil {
		return nil, session{}, nil
	}
	t, err := s.store.Ticket(r.Context(), ticketSession, c.Value)
	if isNotFound(err) {
		return nil, session{}, nil
	}
	if err != nil {
		return nil, session{}, err
	}
	v, err := readSession(t)
	if err != nil {
		return nil, session{}, err
	}
	p, err := s.sessionUser(v)
	if err != nil {
		return nil, session{}, nil // ended: as good as none
	}
	return p, v, nil
}

// beginSession signs the browser in, under a new name whatever it had before.
func (s *Server) beginSession(w http.ResponseWriter, r *http.Request, user *directory.Principal) (session, error) {
	s.endSession(w, r)
	now := s.now()
	v := session{User: user.ID, Method: "pwd", SignedIn: now, Issued: now, Expires: now.Add(s.cfg.SessionLifetime)}
	key := newID(32)
	t, err := v.ticket(ticketSession, key, user.ID.String(), v.Expires)
	if err != nil {
		return v, err
	}
	if err := s.store.PutTicket(r.Context(), t); err != nil {
		return v, err
	}
	http.SetCookie(w, s.cookie("session", key, http.SameSiteLaxMode))
	return v, nil
}

func (s *Server) endSession(w http.ResponseWriter, r *http.Request) {
	c, err := r.Cookie(s.cookieName("session"))
	if err != nil {
		return
	}
	if _, err := s.store.TakeTicket(r.Context(), ticketSession, c.Value); err != nil && !isNotFound(err) {
		s.cfg.Logger.LogAttrs(r.Context(), slog.LevelError, "a session could not be ended", slog.String("cause", err.Error()))
	}
	gone := s.cookie("session", "", http.SameSiteLaxMode)
	gone.MaxAge = -1
	http.SetCookie(w, gone)
}

// signInStep handles the sign-in and change-password forms. It returns the
// signed-in user, or nil after it has shown the next page itself.
func (s *Server) signInStep(w http.ResponseWriter, r *http.Request, f form, client gatehouse.GUID, p page) (*directory.Principal, session, error) {
	name := strings.TrimSpace(f.get("username"))
	p.User = name
	user, profile, err := s.checkPassword(r.Context(), f, client, name, f.get("password"))
	if err == nil && profile.PasswordProfile.ForceChange {
		if f.get("step") != "newpassword" {
			p.Title = "Choose a new password"
			s.show(w, r, "newpassword", p)
			return nil, session{}, nil
		}
		if err = s.changePassword(r.Context(), f, user); err != nil {
			p.Title, p.Problem = "Choose a new password", problemText(err)
			s.show(w, r, "newpassword", p)
			return nil, session{}, nil
		}
	}
	if err != nil {
		if refusal := asFault(err); refusal.kind == serverError || refusal.kind == temporarily {
			return nil, session{}, err
		}
		p.Title, p.Problem = "Sign in", problemText(err)
		s.show(w, r, "signin", p)
		return nil, session{}, nil
	}
	c := s.signIn(f, user, client, "pwd")
	c.Status, c.Note = http.StatusOK, "signed in on the page"
	if err := s.store.Record(r.Context(), c); err != nil {
		return nil, session{}, err
	}
	v, err := s.beginSession(w, r, user)
	return user, v, err
}

// problemText is an error in words for a page.
func problemText(err error) string {
	var f *aadsts
	if errors.As(err, &f) {
		switch f.number {
		case 50126:
			return "The user name or the password is not right. Check both and try again."
		default:
			return f.message
		}
	}
	var e *gatehouse.Error
	if errors.As(err, &e) && e.Kind == gatehouse.Invalid {
		return e.Message
	}
	return asFault(err).message
}

// changePassword sets the new password of a user who has just proved the old one.
func (s *Server) changePassword(ctx context.Context, f form, user *directory.Principal) error {
	fresh := f.get("new")
	switch {
	case fresh != f.get("again"):
		return gatehouse.Errorf(gatehouse.Invalid, "PasswordsDiffer", "The two new passwords differ. Type the same one twice.")
	case fresh == f.get("password"):
		return gatehouse.Errorf(gatehouse.Invalid, "PasswordReused", "The new password is the old one. Choose another.")
	}
	if err := password.Check(fresh); err != nil {
		return err
	}
	hash, err := s.passwords.Hash(ctx, fresh)
	if err != nil {
		return err
	}
	cause := s.signIn(f, user, azureCLI.ID, "pwd").Cause
	cause.Caller.AppID, cause.Action, cause.Reason = "", "Microsoft.Graph/directory/users/changePassword/action", "the user chose a new password when signing in"
	_, err = s.store.Write(ctx, cause, func(tx *store.Tx) error {
		d, err := tx.Get(ctx, directory.UserID(user.ID).Scope())
		if err != nil {
			return err
		}
		secrets, err := directory.SecretsOf(d)
		if err != nil {
			return err
		}
		body, err := jsondoc.ParseObject(d.Body)
		if err != nil {
			return err
		}
		body.SetPath("passwordProfile.forceChangePasswordNextSignIn", false)
		body.SetPath("lastPasswordChangeDateTime", tx.Now().UTC().Format(time.RFC3339))
		secrets.PasswordHash = hash
		d.Body, d.Secret = jsondoc.Marshal(body), secrets.JSON()
		return tx.Put(d)
	})
	return err
}
