package entra

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"

	"gatehouse"
	"gatehouse/directory"
	"gatehouse/store"
)

const (
	deviceLifetime = 15 * time.Minute
	deviceMemory   = time.Hour // how long an expired code is still told from an unknown one
	deviceInterval = 5 * time.Second
	userCodeLength = 9
	// userCodeLetters has no vowels (no words) and nothing that looks like something else.
	userCodeLetters = "BCDFGHJKLMNPQRSTVWXZ23456789"
)

// device is a device code on its way.
type device struct {
	Client   gatehouse.GUID `json:"client"`
	Scope    string         `json:"scope"` // az sends none when it redeems the code (clients.md 3)
	Address  string         `json:"address"`
	Expires  time.Time      `json:"expires"`
	State    string         `json:"state"` // "", approved or declined
	User     gatehouse.GUID `json:"user,omitzero"`
	SignedIn time.Time      `json:"signedIn,omitzero"`
}

func (d device) ticket(code string) (store.Ticket, error) {
	b, err := json.Marshal(d)
	return store.Ticket{Kind: ticketDevice, Key: code, Value: b, Expires: d.Expires.Add(deviceMemory)}, err
}

func readDevice(t store.Ticket) (device, error) {
	var d device
	if err := json.Unmarshal(t.Value, &d); err != nil {
		return d, fmt.Errorf("entra: a device code is damaged: %w", err)
	}
	return d, nil
}

// serveDeviceCode begins a device sign-in.
func (s *Server) serveDeviceCode(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodOptions {
		preflight(w, r)
		return
	}
	f, err := s.readForm(w, r)
	var answer any
	if err == nil {
		answer, err = s.beginDevice(r.Context(), f)
	}
	if err != nil {
		s.refuse(w, r, err)
		return
	}
	writeJSON(w, http.StatusOK, answer)
}

func (s *Server) beginDevice(ctx context.Context, f form) (any, error) {
	c, err := s.userClient(ctx, f)
	if err != nil {
		return nil, err
	}
	a, err := s.parseTarget(ctx, f)
	if err != nil {
		return nil, err
	}
	if !s.devices.allow(network(f.address)) {
		limited := gatehouse.Errorf(gatehouse.Limited, "TooManyDeviceCodes", "Too many device codes were asked for from this address. Try again in some minutes.")
		limited.RetryAfter = time.Minute
		return nil, limited
	}
	code, user, now := newID(40), newUserCode(), s.now()
	d := device{Client: c.id, Scope: a.text, Address: f.address, Expires: now.Add(deviceLifetime)}
	t, err := d.ticket(code)
	if err != nil {
		return nil, err
	}
	if err := s.store.PutTicket(ctx, t); err != nil {
		return nil, err
	}
	if err := s.store.PutTicket(ctx, store.Ticket{Kind: ticketUserCode, Key: user, Value: []byte(code), Expires: d.Expires}); err != nil {
		return nil, err
	}
	page := s.public + "/devicelogin"
	answer := map[string]any{
		"user_code": user, "device_code": code, "verification_uri": page,
		"expires_in": int(deviceLifetime.Seconds()), "interval": int(deviceInterval.Seconds()),
		"message": fmt.Sprintf("To sign in, use a web browser to open the page %s and enter the code %s to authenticate.", page, user),
	}
	if f.v1 {
		answer["verification_url"] = page
	}
	return answer, nil
}

func newUserCode() string {
	var code strings.Builder
	var b [1]byte
	for code.Len() < userCodeLength {
		rand.Read(b[:]) // never fails, see crypto/rand
		if limit := 256 - 256%len(userCodeLetters); int(b[0]) < limit {
			code.WriteByte(userCodeLetters[int(b[0])%len(userCodeLetters)])
		}
	}
	return code.String()
}

// redeemDevice answers a poll for the device code.
func (s *Server) redeemDevice(ctx context.Context, f form) (*tokens, error) {
	code := f.get("device_code")
	if code == "" {
		code = f.get("code") // the version 1 name; az sends both
	}
	if code == "" {
		return nil, missing("device_code")
	}
	c, err := s.userClient(ctx, f)
	if err != nil {
		return nil, err
	}
	t, err := s.store.Ticket(ctx, ticketDevice, code)
	if isNotFound(err) {
		return nil, fault(badVerificationCode, 70018, "Invalid verification code: the device code is not known, or was used already. Begin the sign-in again.")
	}
	if err != nil {
		return nil, err
	}
	d, err := readDevice(t)
	if err != nil {
		return nil, err
	}
	switch {
	case d.Client != c.id:
		return nil, fault(invalidGrant, 70000, "The provided grant was issued to another client than '%s'.", c.id)
	case !s.now().Before(d.Expires):
		return nil, fault(expiredToken, 70019, "Verification code expired. Have the user retry the sign-in.")
	case d.State == "declined":
		return nil, fault(authorizationDecline, 70020, "The user declined the sign-in.")
	case d.State != "approved":
		return nil, fault(authorizationPending, 70016, "OAuth 2.0 device flow error. Authorization is pending. Continue polling.")
	}
	return s.finishDevice(ctx, f, c, code)
}

// finishDevice makes tokens of an approved code, once.
func (s *Server) finishDevice(ctx context.Context, f form, c *client, code string) (*tokens, error) {
	t, err := s.store.TakeTicket(ctx, ticketDevice, code)
	if isNotFound(err) {
		return nil, fault(badVerificationCode, 70018, "Invalid verification code: the device code was used already. Begin the sign-in again.")
	}
	if err != nil {
		return nil, err
	}
	d, err := readDevice(t)
	if err != nil {
		return nil, err
	}
	user, err := s.sessionUser(session{User: d.User, SignedIn: d.SignedIn})
	if err != nil {
		return nil, s.failed(ctx, f, user, c.id, "device", err)
	}
	a, err := s.parseScope(ctx, d.Scope)
	if err != nil {
		return nil, err
	}
	return s.issue(ctx, f, grant{principal: user, client: c.id, clientMethod: c.method, method: "device", asked: a, signedIn: d.SignedIn, refresh: a.offline})
}

// serveDeviceLogin is the page on which a person enters the code that a terminal shows.
func (s *Server) serveDeviceLogin(w http.ResponseWriter, r *http.Request) {
	f, err := s.readPage(w, r)
	if err == nil && r.Method == http.MethodPost {
		err = s.checkForm(r)
	}
	if err == nil {
		err = s.deviceLogin(w, r, f)
	}
	if err != nil {
		s.showFault(w, r, err)
	}
}

func (s *Server) deviceLogin(w http.ResponseWriter, r *http.Request, f form) error {
	p := page{Title: "Sign in to a device", Action: "/devicelogin"}
	if r.Method != http.MethodPost {
		p.Request = clip(r.URL.Query().Get("otc"))
		s.show(w, r, "code", p)
		return nil
	}
	code, d, problem, err := s.findDevice(r, f)
	if err != nil {
		return err
	}
	if problem != "" {
		p.Problem = problem
		s.show(w, r, "code", p)
		return nil
	}
	c, err := s.lookupClient(r.Context(), d.Client)
	if err != nil {
		return err
	}
	p.Request, p.App, p.Target = foldUserCode(f.get("request")), c.name, d.Address
	if c.known == nil {
		a, err := s.parseScope(r.Context(), d.Scope)
		if err != nil {
			return err
		}
		p.AppID, p.Scopes = c.id.String(), append([]string{a.resource.audience}, a.names...)
	}
	return s.deviceStep(w, r, f, c, code, p)
}

// findDevice finds the device code behind a user code. Guesses are few: an
// address that was wrong too often waits.
func (s *Server) findDevice(r *http.Request, f form) (code string, d device, problem string, err error) {
	const wrong = "That code is not right or has expired. Check it, or start again where the code was shown."
	if s.guesses.blocked(network(f.address)) {
		return "", d, "Too many wrong codes came from your address. Wait ten minutes and try again.", nil
	}
	t, err := s.store.Ticket(r.Context(), ticketUserCode, foldUserCode(f.get("request")))
	if isNotFound(err) {
		s.guesses.allow(network(f.address))
		return "", d, wrong, nil
	}
	if err != nil {
		return "", d, "", err
	}
	code = string(t.Value)
	if t, err = s.store.Ticket(r.Context(), ticketDevice, code); isNotFound(err) {
		return "", d, wrong, nil
	}
	if err != nil {
		return "", d, "", err
	}
	d, err = readDevice(t)
	if err == nil && d.State != "" {
		problem = "That code has been used already. Start again where the code was shown."
	}
	return code, d, problem, err
}

// foldUserCode forgives what people do to codes: small letters, blanks, dashes.
func foldUserCode(text string) string {
	return strings.Map(func(r rune) rune {
		if 'a' <= r && r <= 'z' {
			return r - 'a' + 'A'
		}
		if r == ' ' || r == '-' || r > 127 {
			return -1
		}
		return r
	}, text)
}

func (s *Server) deviceStep(w http.ResponseWriter, r *http.Request, f form, c *client, code string, p page) error {
	user, v, err := s.browserSession(r)
	if err != nil {
		return err
	}
	switch f.get("step") {
	case "cancel":
		if err := s.decide(r, f, code, p.Request, nil, v); err != nil {
			return err
		}
		s.show(w, r, "message", page{Title: "Cancelled", Text: "The sign-in was declined. You can close this window."})
		return nil
	case "other":
		user = nil
	case "signin", "newpassword":
		p.Title = "Sign in"
		if user, _, err = s.signInStep(w, r, f, c.id, p); err != nil || user == nil {
			return err
		}
	case "approve":
		if user != nil {
			if err := s.decide(r, f, code, p.Request, user, v); err != nil {
				return err
			}
			s.show(w, r, "message", page{Title: "You have signed in", Text: "You have signed in to " + c.name + " on your device. You can close this window."})
			return nil
		}
	}
	if user == nil {
		p.Title = "Sign in"
		s.show(w, r, "signin", p)
		return nil
	}
	p.Title, p.User = "Is this you?", user.Name
	s.show(w, r, "device", p)
	return nil
}

// decide approves a device code for user, or declines it when user is nil. A code is decided once.
func (s *Server) decide(r *http.Request, f form, code, userCode string, user *directory.Principal, v session) error {
	cause := system("Microsoft.Graph/directory/signIn/action", "/")
	cause.Operation, cause.Correlation = f.request, f.client
	_, err := s.store.Write(r.Context(), cause, func(tx *store.Tx) error {
		if _, err := tx.TakeTicket(ticketUserCode, userCode); err != nil {
			return err
		}
		t, err := tx.TakeTicket(ticketDevice, code)
		if err != nil {
			return err
		}
		d, err := readDevice(t)
		if err != nil {
			return err
		}
		d.State = "declined"
		if user != nil {
			d.State, d.User, d.SignedIn = "approved", user.ID, v.SignedIn
		}
		if t, err = d.ticket(code); err != nil {
			return err
		}
		return tx.PutTicket(t)
	})
	if isNotFound(err) {
		return fault(badVerificationCode, 70018, "Invalid verification code: it was used already or has expired. Begin the sign-in again.")
	}
	return err
}
