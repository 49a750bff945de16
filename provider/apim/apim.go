// Package apim is Microsoft.ApiManagement: the service and what it holds, by
// declaration. A family is a file; adding a type is a declaration there and a line
// where it hangs.
//
// It promises the shapes, codes and ETag rules of apim-control-plane.md. It leaves
// the pipeline to arm and serving API calls to the gateway.
package apim

//go:generate go run ./gen

import (
	"context"
	"net"
	"slices"
	"strings"

	"gatehouse"
	"gatehouse/analytics"
	"gatehouse/arm"
	"gatehouse/directory"
	"gatehouse/entra/password"
	"gatehouse/gateway/trace"
	"gatehouse/jsondoc"
	"gatehouse/provider/apim/apidoc"
	"gatehouse/store"
)

// Namespace is the provider namespace.
const Namespace = "Microsoft.ApiManagement"

const serviceType = Namespace + "/service"

// oldestPreview is the first preview that clients still send.
const oldestPreview = "2018-06-01-preview"

// versions are those that are listed, the newest first: every stable one, and of the
// previews, which are all accepted, those that clients send (apim-control-plane.md 1.2).
var versions = []string{"2024-05-01", "2023-09-01-preview", "2022-08-01", "2021-12-01-preview", "2021-08-01", "2020-12-01", "2019-12-01",
	"2019-01-01", "2018-01-01", "2017-03-01", "2016-10-10", "2016-07-07"}

// Config is what the provider needs from around it.
type Config struct {
	Tenant    gatehouse.GUID
	Directory *directory.Index // where services get their managed identities
	Analytics *analytics.Store // what gateways counted; nil for nothing
	// Connections exchanges codes for tokens; nil leaves connections without any.
	Connections *Connections
	Traces      *trace.Store   // what gateways wrote down about calls; nil for nothing
	Links       apidoc.Fetcher // which addresses imports may fetch documents from
	Exports     *Exports       // serves exported documents at ExportPath; without it nothing is exported
	// Backups is the directory that backups of services are written to; "" refuses backup and restore.
	Backups string
	// PrivateChecks lets connectivity checks go to private addresses.
	PrivateChecks bool
	// Dial opens the connections of connectivity checks; nil asks the network, public addresses only unless PrivateChecks.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
}

// New declares the provider.
func New(c Config) *arm.Provider {
	p := &provider{identities: arm.Identities{Tenant: c.Tenant, Directory: c.Directory}, analytics: c.Analytics, traces: c.Traces, connections: c.Connections, links: c.Links, exports: c.Exports, passwords: password.New(),
		backups: &backups{dir: c.Backups}, dial: c.Dial, reading: make(chan struct{}, 1)}
	if p.dial == nil {
		p.dial = publicDialer(c.PrivateChecks)
	}
	return &arm.Provider{
		Namespace: Namespace, DisplayName: "Microsoft API Management",
		Versions: versions, Versioned: checkVersion, Invalid: validationError, Missing: missing, Alias: aliasOf, Before: p.admit,
		Mounts: []arm.Mount{{At: arm.AtGroup, Types: []*arm.Type{p.service(), workspaceGateways()}}},
		Calls:  append(p.serviceCalls(), tenantCalls()...),
	}
}

type provider struct {
	identities  arm.Identities
	links       apidoc.Fetcher
	exports     *Exports
	connections *Connections
	analytics   *analytics.Store
	traces      *trace.Store
	passwords   *password.Hasher
	backups     *backups
	dial        dialer
	reading     chan struct{} // holds the one certificate of a service that is being read
}

// checkVersion takes the listed versions and previews, which stand for the newest stable version
// that is not younger.
func checkVersion(version string) error {
	_, preview := strings.CutSuffix(version, "preview")
	if slices.Contains(versions, version) || preview && version >= oldestPreview {
		return nil
	}
	return gatehouse.Errorf(gatehouse.Invalid, "InvalidApiVersionParameter", "The api-version '%s' is invalid. The supported versions are '%s' and later previews.", version, strings.Join(versions, ","))
}

// validationError is how the service words faults of a body (apim-control-plane.md 1.8).
func validationError(faults []*gatehouse.Error) error {
	e := gatehouse.Errorf(gatehouse.Invalid, "ValidationError", "One or more fields contain incorrect values:")
	for _, f := range faults {
		f.Target = strings.TrimPrefix(f.Target, "properties.")
		f.Message = strings.TrimPrefix(f.Message, "properties.")
	}
	e.Details = faults
	return e
}

func validation(target, format string, args ...any) error {
	return validationError([]*gatehouse.Error{gatehouse.Errorf(gatehouse.Invalid, "ValidationError", format, args...).At(target)})
}

// refusal is an error about the whole entity: its details are null, as the service's are.
func refusal(kind gatehouse.Kind, code, format string, args ...any) error {
	e := gatehouse.Errorf(kind, code, format, args...)
	e.Details = []*gatehouse.Error{}
	return e
}

// missing is the 404 of an entity; the service itself is worded by ARM.
func missing(t *arm.Type, id gatehouse.ID) error {
	if t.Tracked {
		return arm.ResourceNotFound(Namespace+"/"+t.Segment, id)
	}
	return notFound(t.Noun)
}

func notFound(noun string) error {
	return refusal(gatehouse.NotFound, "ResourceNotFound", "%s not found.", noun)
}

// entityExists refuses a reference to something that is not there.
func entityExists(op *arm.Op, r store.Reader, id gatehouse.ID, noun string) error {
	_, err := r.Get(op.Context, id.Scope())
	if gatehouse.KindOf(err) == gatehouse.NotFound {
		return notFound(noun)
	}
	return err
}

// entity is a type with entity tags, counted lists and required If-Match, as nearly all are.
func entity(t arm.Type) *arm.Type {
	t.ETag, t.Match, t.Count = true, true, true
	if t.Shape == "" {
		t.Shape = arm.Entity
	}
	return &t
}

// searchable lets $filter do with each field what the service documents for text
// (apim-resource-types.csv, column listFilterFields). Fields of other kinds follow as they are.
func searchable(fields string, others ...string) string {
	for _, f := range strings.Fields(fields) {
		others = append(others, f+"(ge,le,eq,ne,gt,lt,substringof,contains,startswith,endswith)")
	}
	return strings.Join(others, " ")
}

// sent reports whether the request itself brought a member, whatever was stored before.
func sent(op *arm.Op, path string) bool {
	body, err := op.Body()
	if err != nil {
		return false
	}
	v, ok := body.Lookup(path)
	return ok && v != nil
}

// cascaded reports whether r goes because something that holds it goes.
func cascaded(op *arm.Op, r *arm.Resource) bool { return op.ID.Scope() != r.ID.Scope() }

// The name rules that cover nearly all entities (apim-control-plane.md 1.1).
const namePattern = `[^*#&+:<>?]+`

func object(pairs ...any) *jsondoc.Object { return jsondoc.NewObject(pairs...) }

// serviceOf is the id of the service that holds id.
func serviceOf(id gatehouse.ID) gatehouse.ID {
	for !strings.EqualFold(id.Type(), serviceType) && !id.IsRoot() {
		id = id.Parent()
	}
	return id
}
