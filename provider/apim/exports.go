package apim

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"gatehouse"
	"gatehouse/arm"
	"gatehouse/jsondoc"
	"gatehouse/provider/apim/apidoc"
	"gatehouse/store"
)

// ExportPath is where exported documents are fetched from, outside of Resource Manager.
const ExportPath = "/api-exports"

// exportLife is how long the link of an export works (apim-control-plane.md 2.2).
const exportLife = 5 * time.Minute

// Exports serves API documents to whoever holds a link that an authorized caller was given. A
// link names the API, the format and the moment until which it works, and is signed over all of
// them; there is nothing else to it, so it needs no memory. The key is random, so links end with
// the process, as they would minutes later.
type Exports struct {
	store store.Reader
	clock func() time.Time
	key   []byte
}

// NewExports makes Exports over a store. Clock may be nil for the time of day, key for a random one.
func NewExports(r store.Reader, clock func() time.Time, key []byte) *Exports {
	if clock == nil {
		clock = time.Now
	}
	if len(key) == 0 {
		key = make([]byte, 32)
		rand.Read(key) // never fails, see crypto/rand
	}
	return &Exports{store: r, clock: clock, key: key}
}

func (x *Exports) signature(id, format, expires string) string {
	m := hmac.New(sha256.New, x.key)
	for _, part := range []string{ExportPath, id, strings.ToLower(format), expires} {
		m.Write([]byte(strconv.Itoa(len(part)) + " " + part))
	}
	return base64.RawURLEncoding.EncodeToString(m.Sum(nil))
}

// link is the address of a document, relative to the server.
func (x *Exports) link(id, format string) string {
	_, suffix, _ := apidoc.ExportFormat(format)
	expires := strconv.FormatInt(x.clock().Add(exportLife).Unix(), 10)
	q := url.Values{"id": {id}, "format": {format}, "se": {expires}, "sig": {x.signature(id, format, expires)}}
	return ExportPath + "/api." + suffix + "?" + q.Encode()
}

// ServeHTTP answers a link. Every fault is a 403, as that of a storage service's link is.
func (x *Exports) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	for name, value := range map[string]string{"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff", "Content-Security-Policy": "default-src 'none'; sandbox", "Referrer-Policy": "no-referrer"} {
		h.Set(name, value)
	}
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		http.Error(w, "only GET is possible", http.StatusMethodNotAllowed)
		return
	}
	q := r.URL.Query()
	id, format, expires := q.Get("id"), q.Get("format"), q.Get("se")
	until, err := strconv.ParseInt(expires, 10, 64)
	signed := hmac.Equal([]byte(q.Get("sig")), []byte(x.signature(id, format, expires)))
	if err != nil || !signed || x.clock().Unix() >= until {
		http.Error(w, "the link is not valid, or not any more; export the API again", http.StatusForbidden)
		return
	}
	api, err := gatehouse.ParseID(id)
	if err != nil {
		http.Error(w, "the link is not valid", http.StatusForbidden)
		return
	}
	document, media, err := x.document(r.Context(), api, format)
	if err != nil {
		http.Error(w, "the API cannot be exported any more; export it again", http.StatusNotFound)
		return
	}
	h.Set("Content-Type", media)
	h.Set("Content-Length", strconv.Itoa(len(document)))
	_, suffix, _ := apidoc.ExportFormat(format)
	h.Set("Content-Disposition", `attachment; filename="api.`+suffix+`"`)
	w.WriteHeader(http.StatusOK)
	if r.Method == http.MethodGet {
		w.Write(document)
	}
}

// document writes an API as it is now.
func (x *Exports) document(ctx context.Context, id gatehouse.ID, format string) ([]byte, string, error) {
	e, err := exported(ctx, x.store, id)
	if err != nil {
		return nil, "", err
	}
	return apidoc.Export(format, e)
}

// exportAPI answers GET apis/{id}?export=true with a link (apim-control-plane.md 2.2). What
// cannot be written in that format is refused here and not at the link.
func (p *provider) exportAPI(op *arm.Op) (*arm.Answer, error) {
	r, err := op.Existing()
	if err != nil {
		return nil, err
	}
	format := op.Query.Get("format")
	answer, _, ok := apidoc.ExportFormat(format)
	if !ok {
		return nil, validation("format", "format has to be one of swagger-link, wadl-link, wsdl-link, openapi-link, openapi+json-link; it is '%s'", clipped(format))
	}
	if p.exports == nil {
		return nil, refusal(gatehouse.Unavailable, "ServiceUnavailable", "This server does not serve exported documents.")
	}
	if _, _, err := p.exports.document(op.Context, r.ID, format); err != nil {
		var f *apidoc.Fault
		if errors.As(err, &f) {
			return nil, validation("format", "%s", f.Error())
		}
		return nil, err
	}
	return arm.OK(object("id", r.ID.String(), "format", answer,
		"value", object("link", op.Server.BaseURL+p.exports.link(r.ID.String(), strings.ToLower(format))))), nil
}

// exporting sends the GET of an API to the export that it asks for, any other to next.
func (p *provider) exporting(next arm.Handler) arm.Handler {
	return func(op *arm.Op) (*arm.Answer, error) {
		if strings.EqualFold(op.Query.Get("export"), "true") {
			return p.exportAPI(op)
		}
		return next(op)
	}
}

// exported gathers what a document says of an API.
func exported(ctx context.Context, r store.Reader, id gatehouse.ID) (*apidoc.Exported, error) {
	d, err := r.Get(ctx, id.Scope())
	if err != nil {
		return nil, err
	}
	api, err := arm.FromDocument(d)
	if err != nil {
		return nil, err
	}
	props := api.Props()
	e := &apidoc.Exported{API: &apidoc.API{DisplayName: props.String("displayName"), Description: props.String("description"),
		TermsOfService: props.String("termsOfServiceUrl"), Version: props.String("apiVersion"), Type: props.String("type"),
		Contact: members(props.Object("contact")), License: members(props.Object("license"))}}
	if e.Server, err = callersAddress(ctx, r, api); err != nil {
		return nil, err
	}
	if v, ok := props.Get("subscriptionRequired"); !ok || v == true {
		e.KeyHeader, e.KeyQuery = props.String("subscriptionKeyParameterNames.header"), props.String("subscriptionKeyParameterNames.query")
	}
	if err := eachChild(ctx, r, api, "operations", func(o *arm.Resource) error {
		out := apidoc.Operation{Name: o.ID.Name()}
		if err := json.Unmarshal(jsondoc.Marshal(o.Props()), &out); err != nil {
			return validation("operations", "the operation '%s' cannot be exported: a member of it has another type than its description says", o.ID.Name())
		}
		e.Operations = append(e.Operations, out)
		return nil
	}); err != nil {
		return nil, err
	}
	return e, eachChild(ctx, r, api, "schemas", func(s *arm.Resource) error {
		contentType := s.Props().String("contentType")
		v, _ := s.Props().Object("document").Get(apidoc.Member(contentType))
		e.Schemas = append(e.Schemas, apidoc.Schema{ID: s.ID.Name(), ContentType: contentType, Document: jsondoc.Marshal(v)})
		return nil
	})
}

// eachChild reads the children of one family in the order of their names.
func eachChild(ctx context.Context, r store.Reader, of *arm.Resource, family string, f func(*arm.Resource) error) error {
	scope := of.ID.Scope()
	page, err := r.List(ctx, store.Query{Type: of.Type + "/" + family, Parent: &scope})
	if err != nil {
		return err
	}
	for _, d := range page.Documents {
		child, err := arm.FromDocument(d)
		if err != nil {
			return err
		}
		if err := f(child); err != nil {
			return err
		}
	}
	return nil
}

func members(o *jsondoc.Object) map[string]string {
	out := map[string]string{}
	for name, v := range o.All() {
		if s, ok := v.(string); ok {
			out[name] = s
		}
	}
	return out
}

// callersAddress is where the gateway serves an API: with its version, where that is part of the path.
func callersAddress(ctx context.Context, r store.Reader, api *arm.Resource) (string, error) {
	address := "https://" + strings.ToLower(serviceOf(api.ID).Name()) + ".azure-api.net"
	if path := api.Props().String("path"); path != "" {
		address += "/" + path
	}
	set, err := gatehouse.ParseID(api.Props().String("apiVersionSetId"))
	version := api.Props().String("apiVersion")
	if err != nil || version == "" {
		return address, nil
	}
	d, err := r.Get(ctx, set.Scope())
	if gatehouse.KindOf(err) == gatehouse.NotFound {
		return address, nil
	}
	if err != nil {
		return "", err
	}
	versions, err := arm.FromDocument(d)
	if err == nil && strings.EqualFold(versions.Props().String("versioningScheme"), "Segment") {
		address += "/" + version
	}
	return address, err
}
