// Package authorization is Microsoft.Authorization: role definitions, role and
// deny assignments, effective permissions, provider operations, access checks and
// elevation. Each family is a file.
//
// It promises Azure's shapes, codes and order of validation (rbac.md sections 5, 6
// and 9) and that what it accepts is what the engine later decides by. It leaves
// decisions to rbac and the pipeline to arm.
package authorization

import (
	"hash/maphash"
	"strings"
	"sync"

	"gatehouse"
	"gatehouse/arm"
	"gatehouse/directory"
	"gatehouse/guard"
	"gatehouse/jsondoc"
)

// Namespace is the provider namespace.
const Namespace = "Microsoft.Authorization"

// Limits are Azure's limits (rbac.md section 10); an installation may raise them.
type Limits struct {
	AssignmentsPerSubscription    int
	AssignmentsPerManagementGroup int
	CustomRoles                   int
}

// DefaultLimits are those of Azure.
var DefaultLimits = Limits{AssignmentsPerSubscription: 4000, AssignmentsPerManagementGroup: 500, CustomRoles: 5000}

// Config is what the provider needs.
type Config struct {
	Guard     *guard.Guard
	Directory *directory.Index
	TenantID  gatehouse.GUID
	Limits    Limits
}

type provider struct {
	Config
	stripes [256]sync.Mutex
	seed    maphash.Seed
}

// New declares the provider.
func New(c Config) *arm.Provider {
	if c.Limits == (Limits{}) {
		c.Limits = DefaultLimits
	}
	p := &provider{Config: c, seed: maphash.MakeSeed()}
	return &arm.Provider{
		Namespace: Namespace, DisplayName: "Microsoft Authorization",
		Versions: []string{"2022-05-01-preview", "2022-04-01", "2020-10-01-preview", "2020-10-01", "2020-08-01-preview", "2020-04-01-preview", "2018-07-01", "2018-01-01-preview", "2015-07-01"},
		Mounts:   []arm.Mount{{At: arm.Anywhere, Types: []*arm.Type{p.roleDefinitions(), p.roleAssignments(), p.denyAssignments()}}},
		Calls:    p.calls(),
	}
}

func (p *provider) calls() []arm.Call {
	anywhere := string(arm.Anywhere) + "/providers/" + Namespace
	return []arm.Call{
		{Method: "GET", Path: anywhere + "/permissions", Action: Namespace + "/permissions/read", Do: p.permissions},
		{Method: "POST", Path: anywhere + "/checkAccess", Action: Namespace + "/roleAssignments/read", Do: p.checkAccess},
		{Method: "GET", Path: "/providers/" + Namespace + "/providerOperations", Do: listProviderOperations},
		{Method: "GET", Path: "/providers/" + Namespace + "/providerOperations/{namespace}", Do: getProviderOperations},
		{Method: "POST", Path: "/providers/" + Namespace + "/elevateAccess", Action: elevateAction, Data: true, At: directory.RootPath, Do: p.elevateAccess},
		{Method: "GET", Path: string(arm.AtSubscription) + "/providers/" + Namespace + "/classicAdministrators",
			Action: Namespace + "/classicAdministrators/read", Do: classicAdministrators},
	}
}

// serialise holds off other writers of the same keys until release: checks that ask
// the live snapshot (is this pair assigned already?) are then exact, since the
// snapshot holds every write that was acknowledged.
func (p *provider) serialise(keys ...string) (release func()) {
	var wanted [256]bool
	for _, k := range keys {
		wanted[maphash.String(p.seed, k)%256] = true
	}
	for i := range wanted {
		if wanted[i] {
			p.stripes[i].Lock()
		}
	}
	return func() {
		for i := range wanted {
			if wanted[i] {
				p.stripes[i].Unlock()
			}
		}
	}
}

func object(pairs ...any) *jsondoc.Object { return jsondoc.NewObject(pairs...) }

// setAll sets members by alternating names and values.
func setAll(o *jsondoc.Object, pairs ...any) {
	for i := 0; i+1 < len(pairs); i += 2 {
		o.Set(pairs[i].(string), pairs[i+1])
	}
}

func invalid(code, format string, args ...any) *gatehouse.Error {
	return gatehouse.Errorf(gatehouse.Invalid, code, format, args...)
}

// lastSegment is what follows the last slash: the GUID of a role definition id.
func lastSegment(id string) string {
	id = strings.TrimRight(id, "/")
	return id[strings.LastIndexByte(id, '/')+1:]
}

// strings of an array member; other kinds are left to the model.
func texts(o *jsondoc.Object, name string) []string {
	var out []string
	for _, v := range o.Array(name) {
		if s, ok := v.(string); ok {
			out = append(out, s)
		}
	}
	return out
}

// values is a JSON array of strings, never null.
func values(texts []string) []jsondoc.Value {
	out := make([]jsondoc.Value, len(texts))
	for i, s := range texts {
		out[i] = s
	}
	return out
}
