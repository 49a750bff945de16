package apim

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"

	"gatehouse"
	"gatehouse/arm"
	"gatehouse/jsondoc"
	"gatehouse/provider/apim/apidoc"
	"gatehouse/store"
)

// document is what a PUT of an API imports, read before the transaction begins.
type document struct{ *apidoc.API }

// mostImported is how many operations an import may bring: they are written while nobody else can write.
const mostImported = 10_000

// importDocument reads the document that format and value name, fetching it when they say so,
// and completes the API with what it says (apim-control-plane.md 2.2). It runs before the
// transaction, since a link may take its time.
func (p *provider) importDocument(op *arm.Op, body *jsondoc.Object) error {
	props := body.Object("properties")
	format, hasFormat := mustString(props, "format")
	value, hasValue := mustString(props, "value")
	if op.Route.Verb != arm.Put || !hasFormat && !hasValue {
		return nil
	}
	link, known := apidoc.Known(format)
	switch {
	case !known:
		return validation("format", "format has to be the format of an API document, such as openapi+json or wsdl-link, for value to be imported; it is '%s'", clipped(format))
	case value == "":
		return validation("value", "value has to hold the document, or the address of one, that is to be imported")
	}
	options := importOptions(op, props)
	content := []byte(value)
	if link {
		var err error
		if content, options.Base, err = p.links.Get(op.Context, strings.TrimSpace(value)); err != nil {
			return unreadable("representation", err)
		}
	}
	api, err := apidoc.Import(format, content, options)
	if err != nil {
		return unreadable("representation", err)
	}
	if len(api.Operations) > mostImported {
		return validation("value", "the document has %d operations and at most %d are imported into an API; split it", len(api.Operations), mostImported)
	}
	for _, member := range []string{"format", "wsdlSelector", "translateRequiredQueryParameters"} {
		props.Delete(member)
	}
	props.Delete("value") // the log keeps what was made of it; what authorizes a link stands in its query
	if link {
		props.Set("value", bare(value))
	}
	describeAPI(props, api)
	op.Brought = document{api}
	return nil
}

// bare is an address without its query.
func bare(link string) string {
	link, _, _ = strings.Cut(link, "?")
	return strings.TrimSpace(link)
}

func clipped(s string) string { return s[:min(len(s), 100)] }

func importOptions(op *arm.Op, props *jsondoc.Object) apidoc.Options {
	kind := props.String("apiType")
	if kind == "" {
		kind = props.String("type")
	}
	return apidoc.Options{
		QueryParameters: strings.EqualFold(props.String("translateRequiredQueryParameters"), "query"),
		SOAP:            strings.EqualFold(kind, "soap"),
		Service:         props.String("wsdlSelector.wsdlServiceName"), Endpoint: props.String("wsdlSelector.wsdlEndpointName"),
		SchemaID: schemaID(op.ID),
	}
}

// schemaID names the schema that imports make: 24 hex digits, as the service's do, and the same
// whenever the API is imported again.
func schemaID(api gatehouse.ID) func(contentType string) string {
	return func(contentType string) string {
		sum := sha256.Sum256([]byte(api.Scope().String() + " " + contentType))
		return hex.EncodeToString(sum[:12])
	}
}

// describeAPI takes from the document what the request leaves out.
func describeAPI(props *jsondoc.Object, api *apidoc.API) {
	for _, each := range []struct {
		member, said string
		longest      int
	}{
		{"displayName", api.DisplayName, 300}, {"description", api.Description, 1 << 20}, {"serviceUrl", api.ServiceURL, 2000},
		{"termsOfServiceUrl", api.TermsOfService, 1 << 16}, {"apiType", api.Type, 20},
	} {
		if v, _ := props.Get(each.member); v == nil && each.said != "" && len(each.said) <= each.longest {
			props.Set(each.member, each.said)
		}
	}
	for _, each := range []struct {
		member string
		said   map[string]string
	}{{"contact", api.Contact}, {"license", api.License}} {
		if v, _ := props.Get(each.member); v == nil && len(each.said) > 0 {
			props.Set(each.member, each.said)
		}
	}
}

// putImported writes the operations and schemas of the document in place of those that were
// there, in the transaction of the API. An operation of the same name stays with its policies and
// changes; a new one takes over the policies of one that goes and had the same method and
// template; the others go.
func putImported(op *arm.Op, tx *store.Tx, next *arm.Resource) error {
	given, ok := op.Brought.(document)
	if !ok {
		return nil
	}
	all, err := operationsOf(op, tx, next.ID)
	if err != nil {
		return err
	}
	w := &importing{op: op, tx: tx, api: next, all: all, before: map[gatehouse.Scope]*arm.Resource{}}
	for _, o := range all {
		w.before[o.ID.Scope()] = o
	}
	if w.locked, err = locksBelow(op, tx, next.ID); err != nil {
		return err
	}
	if err := w.read(given.API); err != nil {
		return err
	}
	for _, step := range []func() error{w.clear, w.save, func() error { return w.schemas(given.API) }} {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

// importing replaces the operations of an API.
type importing struct {
	op      *arm.Op
	tx      *store.Tx
	api     *arm.Resource
	all     []*arm.Resource // operations that are there
	before  map[gatehouse.Scope]*arm.Resource
	after   []*arm.Resource // operations that the document has
	changed []bool          // per operation of after
	locked  lockedIDs
	policy  map[gatehouse.Scope]string // that the import itself makes
}

func (w *importing) child(family, name string) (*arm.Resource, error) {
	id, err := gatehouse.ParseID(w.api.ID.String() + "/" + family + "/" + name)
	if err != nil {
		return nil, validation("representation", "Parsing error(s): '%s' cannot be a name here", clipped(name))
	}
	return &arm.Resource{ID: id, Type: w.api.Type + "/" + family, Body: object()}, nil
}

func (w *importing) read(api *apidoc.API) error {
	w.policy = map[gatehouse.Scope]string{}
	for i := range api.Operations {
		o := &api.Operations[i]
		r, err := w.child("operations", o.Name)
		if err != nil {
			return err
		}
		raw, err := o.Properties()
		if err != nil {
			return err
		}
		props, err := jsondoc.Parse(raw, jsondoc.Options{Variants: true, MaxBytes: len(raw)})
		if err != nil {
			return err
		}
		r.Body.Set("properties", props)
		changed := true
		if was := w.before[r.ID.Scope()]; was != nil {
			r.ID, r.Created = was.ID, was.Created
			changed = !jsondoc.Equal(was.Body, r.Body)
		}
		if o.Policy != "" {
			w.policy[r.ID.Scope()] = o.Policy
		}
		w.after, w.changed = append(w.after, r), append(w.changed, changed)
	}
	return nil
}

// clear takes away what the document does not have, and makes room where operations swap their
// methods and templates: within the transaction each is unique at every moment.
func (w *importing) clear() error {
	stays := map[gatehouse.Scope]*arm.Resource{}
	heirs := map[string]*arm.Resource{}
	for _, r := range w.after {
		stays[r.ID.Scope()] = r
		text, _ := signature(r)
		heirs[strings.ToLower(text)] = r
	}
	for _, was := range w.all {
		now := stays[was.ID.Scope()]
		before, _ := signature(was)
		if now == nil {
			if heir := heirs[strings.ToLower(before)]; heir != nil && w.before[heir.ID.Scope()] == nil {
				if err := w.inherit(was, heir); err != nil {
					return err
				}
			}
			if err := w.locked.release(w.op, was.ID); err != nil {
				return err
			}
			if err := w.op.DeleteTree(w.tx, was.ID); err != nil {
				return err
			}
			continue
		}
		if after, _ := signature(now); !strings.EqualFold(before, after) {
			if _, err := w.tx.Delete(was.ID.Scope()); err != nil {
				return err
			}
		}
	}
	return nil
}

// inherit copies the policies of an operation that goes.
func (w *importing) inherit(from, to *arm.Resource) error {
	all, err := childrenOf(w.op, w.tx, from.ID, "policies")
	if err != nil {
		return err
	}
	for _, p := range all {
		id, err := gatehouse.ParseID(to.ID.String() + "/policies/" + p.ID.Name())
		if err != nil {
			return err
		}
		if err := arm.Save(w.tx, &arm.Resource{ID: id, Type: p.Type, Body: p.Body, Secret: p.Secret}); err != nil {
			return err
		}
	}
	return nil
}

func (w *importing) save() error {
	for i, r := range w.after {
		if !w.changed[i] {
			continue
		}
		if err := w.op.Save(w.tx, r); err != nil {
			return err
		}
	}
	for _, r := range w.after {
		text := w.policy[r.ID.Scope()]
		if text == "" {
			continue
		}
		id, err := gatehouse.ParseID(r.ID.String() + "/policies/policy")
		if err != nil {
			return err
		}
		p := &arm.Resource{ID: id, Type: r.Type + "/policies", Body: object("properties", object("format", "xml", "value", text))}
		if err := w.op.Save(w.tx, p); err != nil {
			return err
		}
	}
	return nil
}

// schemas replaces those that an import made before; what a caller added stays.
func (w *importing) schemas(api *apidoc.API) error {
	now := map[string]bool{}
	for _, s := range api.Schemas {
		now[strings.ToLower(s.ID)] = true
		r, err := w.child("schemas", s.ID)
		if err != nil {
			return err
		}
		document, err := jsondoc.Parse(s.Document, jsondoc.Options{Variants: true, MaxBytes: len(s.Document)})
		if err != nil {
			return err
		}
		r.Body.Set("properties", object("contentType", s.ContentType, "document", object(apidoc.Member(s.ContentType), document)))
		was, err := w.op.Load(w.tx, r.ID)
		switch {
		case gatehouse.KindOf(err) == gatehouse.NotFound:
		case err != nil:
			return err
		default:
			r.ID, r.Created = was.ID, was.Created
			if jsondoc.Equal(was.Body, r.Body) {
				continue
			}
		}
		if err := w.op.Save(w.tx, r); err != nil {
			return err
		}
	}
	all, err := childrenOf(w.op, w.tx, w.api.ID, "schemas")
	if err != nil {
		return err
	}
	for _, s := range all {
		if name := strings.ToLower(s.ID.Name()); !now[name] && w.made(name) {
			if err := w.locked.release(w.op, s.ID); err != nil {
				return err
			}
			if err := w.op.DeleteTree(w.tx, s.ID); err != nil {
				return err
			}
		}
	}
	return nil
}

// made reports whether a schema's name is one that imports give.
func (w *importing) made(name string) bool {
	name, _, _ = strings.Cut(name, "-")
	id := schemaID(w.api.ID)
	for _, contentType := range []string{apidoc.SwaggerDefinitions, apidoc.OpenAPIComponents, apidoc.XSD, apidoc.WADLGrammars} {
		if name == id(contentType) {
			return true
		}
	}
	return name == "graphql" || name == "odata" || name == "grpc"
}
