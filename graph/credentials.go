package graph

import (
	"net/http"
	"time"

	"gatehouse"
	"gatehouse/directory"
	"gatehouse/jsondoc"
	"gatehouse/store"
)

// maxCredentials bounds the secrets and certificates of one object.
const maxCredentials = 100

// credentials prepares what a create or patch says about keyCredentials and
// passwordCredentials: both lists replace the stored ones, entries that are known
// by their key ID stay as they are.
func (e *edit) credentials() error {
	keys, err := e.keys()
	if err != nil {
		return err
	}
	passwords, err := e.passwords()
	if err != nil {
		return err
	}
	e.steps = append(e.steps, keys, passwords)
	return nil
}

func nothing(*store.Tx) error { return nil }

// entries reads a list of credentials from the request; given is false when there is none.
func (e *edit) entries(name string) (entries []*jsondoc.Object, given bool, err error) {
	v, ok := e.in.Get(name)
	if !ok {
		return nil, false, nil
	}
	items, isList := v.([]jsondoc.Value)
	if v != nil && !isList || len(items) > maxCredentials {
		return nil, false, badRequest(name, "Invalid value specified for property '%s' of resource '%s': it is a list of at most %d entries.", name, e.k.title, maxCredentials)
	}
	for _, item := range items {
		o, ok := item.(*jsondoc.Object)
		if !ok {
			return nil, false, e.k.invalid(e.k.field(name))
		}
		entries = append(entries, o)
	}
	return entries, true, nil
}

// keys parses new certificates. Clients send known ones back without the key
// itself, as they read them (az ad app credential reset --append).
func (e *edit) keys() (func(*store.Tx) error, error) {
	entries, given, err := e.entries("keyCredentials")
	if err != nil || !given {
		return nothing, err
	}
	parsed := make([]jsondoc.Value, len(entries))
	for i, o := range entries {
		if o.String("key") == "" {
			continue
		}
		if parsed[i], err = certificate(o); err != nil {
			return nil, err
		}
	}
	return func(*store.Tx) error {
		known := e.stored("keyCredentials")
		list, seen := []jsondoc.Value{}, map[string]bool{}
		for i, o := range entries {
			v := parsed[i]
			if old := known[normal(o.String("keyId"))]; v == nil {
				v = old
			}
			if v == nil || v.(*jsondoc.Object) == nil {
				return gatehouse.Errorf(gatehouse.Invalid, codeKeyCredentials, "A new entry of keyCredentials needs the 'key': the certificate in base64. The keyId '%s' is not known.", clip(o.String("keyId"))).At("keyCredentials")
			}
			id := v.(*jsondoc.Object).String("keyId")
			if seen[id] {
				return gatehouse.Errorf(gatehouse.Invalid, codeKeyCredentials, "The keyId '%s' occurs twice in keyCredentials.", id).At("keyCredentials")
			}
			seen[id] = true
			list = append(list, v)
		}
		e.body.Set("keyCredentials", list)
		return nil
	}, nil
}

// stored indexes a stored list by key ID.
func (e *edit) stored(name string) map[string]*jsondoc.Object {
	known := map[string]*jsondoc.Object{}
	for _, v := range e.body.Array(name) {
		if o, ok := v.(*jsondoc.Object); ok {
			known[normal(o.String("keyId"))] = o
		}
	}
	return known
}

func normal(id string) string {
	if g, err := gatehouse.ParseGUID(id); err == nil {
		return g.String()
	}
	return id
}

// certificate turns an entry with a key into what is stored. The certificate's
// own validity bounds the one that the client gives.
func certificate(o *jsondoc.Object) (jsondoc.Value, error) {
	if t := o.String("type"); t != "" && t != "AsymmetricX509Cert" {
		return nil, gatehouse.Errorf(gatehouse.Invalid, codeKeyCredentials, "The type '%s' of a key credential is not supported: use AsymmetricX509Cert.", clip(t)).At("keyCredentials")
	}
	if u := o.String("usage"); u != "" && u != "Verify" {
		return nil, gatehouse.Errorf(gatehouse.Invalid, codeKeyCredentials, "The usage '%s' of a key credential is not supported: use Verify.", clip(u)).At("keyCredentials")
	}
	cert, err := directory.ParseCertificate(o.String("key"))
	if err != nil {
		return nil, err
	}
	k := directory.NewKeyCredential(cert, o.String("displayName"))
	if k.DisplayName == "" {
		k.DisplayName = cert.Subject.String()
	}
	if id := o.String("keyId"); id != "" {
		if k.KeyID, err = gatehouse.ParseGUID(id); err != nil {
			return nil, gatehouse.Errorf(gatehouse.Invalid, codeKeyCredentials, "The keyId '%s' is not a GUID.", clip(id)).At("keyCredentials")
		}
	}
	start, end, err := validity(o, k.Start, k.End)
	if err != nil {
		return nil, err
	}
	if start.After(k.Start) {
		k.Start = start
	}
	if end.Before(k.End) {
		k.End = end
	}
	return jsondoc.From(k)
}

// validity reads startDateTime and endDateTime, with what they are when absent.
func validity(o *jsondoc.Object, start, end time.Time) (time.Time, time.Time, error) {
	for name, at := range map[string]*time.Time{"startDateTime": &start, "endDateTime": &end} {
		s := o.String(name)
		if s == "" {
			continue
		}
		t, err := looseTime(s)
		if err != nil {
			return start, end, badRequest(name, "Invalid value specified for property '%s': '%s' is not a timestamp such as 2027-01-31T12:00:00Z.", name, clip(s))
		}
		*at = t
	}
	if !start.Before(end) {
		return start, end, badRequest("endDateTime", "The credential would end before it starts: endDateTime has to be later than startDateTime.")
	}
	return start.UTC(), end.UTC(), nil
}

// looseTime reads a timestamp; without a zone, as az sends some, it is UTC.
func looseTime(s string) (time.Time, error) {
	t, err := time.Parse(time.RFC3339Nano, s)
	if err != nil {
		t, err = time.Parse("2006-01-02T15:04:05.999999999", s)
	}
	if err != nil {
		t, err = time.Parse("2006-01-02", s)
	}
	return t, err
}

// passwords makes the secrets that a create asks for, and drops those that a patch
// leaves out. A patch cannot add one: that is addPassword's, whose answer shows it.
func (e *edit) passwords() (func(*store.Tx) error, error) {
	entries, given, err := e.entries("passwordCredentials")
	if err != nil || !given {
		return nothing, err
	}
	if e.creating {
		var made []*secret
		for _, o := range entries {
			s, err := e.h.newSecret(o)
			if err != nil {
				return nil, err
			}
			made = append(made, s)
		}
		return func(*store.Tx) error {
			for _, s := range made {
				if err := e.addSecret(s); err != nil {
					return err
				}
			}
			return nil
		}, nil
	}
	return func(*store.Tx) error { return e.keepSecrets(entries) }, nil
}

func (e *edit) keepSecrets(entries []*jsondoc.Object) error {
	known := e.stored("passwordCredentials")
	list := []jsondoc.Value{}
	for _, o := range entries {
		id := normal(o.String("keyId"))
		old := known[id]
		if old == nil {
			return badRequest("passwordCredentials", "A patch cannot add a password credential (keyId '%s' is not known): use addPassword.", clip(id))
		}
		delete(known, id)
		list = append(list, old)
	}
	for id := range known {
		e.secrets.Remove(gatehouse.MustGUID(id))
	}
	e.body.Set("passwordCredentials", list)
	return nil
}

// secret is a client secret that was just made.
type secret struct {
	credential directory.PasswordCredential
	text, hash string
}

// newSecret makes a secret as the client asks for; two years when it does not say.
func (h *Handler) newSecret(o *jsondoc.Object) (*secret, error) {
	if len(o.String("displayName")) > 256 {
		return nil, badRequest("displayName", "The displayName of a password credential has at most 256 characters.")
	}
	if o.String("secretText") != "" {
		return nil, badRequest("secretText", "The secretText of a password credential is made by the server: leave it out and read it from the answer.")
	}
	now := h.cfg.Clock().UTC().Truncate(time.Second)
	start, end, err := validity(o, now, now.AddDate(2, 0, 0))
	if err != nil {
		return nil, err
	}
	s := &secret{}
	s.credential, s.text, s.hash = directory.NewClientSecret(o.String("displayName"), start, end)
	return s, nil
}

func (e *edit) addSecret(s *secret) error {
	list := e.body.Array("passwordCredentials")
	if len(list) >= maxCredentials {
		return gatehouse.Errorf(gatehouse.Invalid, codeQuota, "The object has %d password credentials already: remove some first.", len(list))
	}
	v, err := jsondoc.From(s.credential)
	if err != nil {
		return err
	}
	e.secrets.Add(s.credential.KeyID, s.hash)
	e.body.Set("passwordCredentials", append(append([]jsondoc.Value{}, list...), v))
	if e.reveal != nil {
		e.reveal[s.credential.KeyID.String()] = s.text
	}
	return nil
}

func addPassword(c *call) (*answer, error) {
	if c.oid.IsZero() {
		return nil, notThere(c.named())
	}
	asked := c.body.Object("passwordCredential")
	if asked == nil {
		asked = jsondoc.NewObject()
	}
	s, err := c.h.newSecret(asked)
	if err != nil {
		return nil, err
	}
	e := &edit{call: c, k: c.route.kind, in: jsondoc.NewObject()}
	e.steps = append(e.steps, func(*store.Tx) error { return e.addSecret(s) })
	if _, err := e.run(http.StatusOK, e.k.id(c.oid)); err != nil {
		return nil, err
	}
	k := s.credential
	var name jsondoc.Value
	if k.DisplayName != "" {
		name = k.DisplayName
	}
	return &answer{body: jsondoc.NewObject("@odata.context", c.contextURL("microsoft.graph.passwordCredential"),
		"customKeyIdentifier", nil, "displayName", name, "endDateTime", k.End.Format(time.RFC3339), "hint", k.Hint,
		"keyId", k.KeyID.String(), "secretText", s.text, "startDateTime", k.Start.Format(time.RFC3339))}, nil
}

func removePassword(c *call) (*answer, error) {
	if c.oid.IsZero() {
		return nil, notThere(c.named())
	}
	id, err := gatehouse.ParseGUID(c.body.String("keyId"))
	if err != nil {
		return nil, badRequest("keyId", "The request needs 'keyId': the identifier of a password credential.")
	}
	e := &edit{call: c, k: c.route.kind, in: jsondoc.NewObject()}
	e.steps = append(e.steps, func(*store.Tx) error { return e.dropSecret(id) })
	_, err = e.run(http.StatusNoContent, e.k.id(c.oid))
	return &answer{}, err
}

func (e *edit) dropSecret(id gatehouse.GUID) error {
	list := []jsondoc.Value{}
	for _, v := range e.body.Array("passwordCredentials") {
		if o, ok := v.(*jsondoc.Object); !ok || normal(o.String("keyId")) != id.String() {
			list = append(list, v)
		}
	}
	if len(list) == len(e.body.Array("passwordCredentials")) {
		return badRequest("keyId", "No password credential found with keyId '%s'.", id)
	}
	e.secrets.Remove(id)
	e.body.Set("passwordCredentials", list)
	return nil
}
