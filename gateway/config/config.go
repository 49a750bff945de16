package config

import (
	"encoding/json"
	"fmt"
	"iter"
	"slices"
	"strings"
)

// Config is everything about a service at one revision. It is for one goroutine: an Update changes it in
// place. What it holds does not change, and may be kept and read by others.
type Config struct {
	Revision int64 // of the management node's log of changes
	Service  *Service

	Workspaces           Table[*Workspace]
	WorkspaceGateways    Table[*WorkspaceGateway]
	APIs                 Table[*API]
	VersionSets          Table[*VersionSet]
	Operations           Table[*Operation] // below their API
	Schemas              Table[*Schema]    // below an API, the service or a workspace
	Resolvers            Table[*Resolver]
	Tools                Table[*Tool]
	Products             Table[*Product]
	ProductAPIs          Table[*Link] // /products/p/apis/a
	ProductGroups        Table[*Link] // /products/p/groups/g
	ProductApplications  Table[*Link] // /clientApplications/c/productLinks/l
	Subscriptions        Table[*Subscription]
	Users                Table[*User]
	Groups               Table[*Group]
	GroupUsers           Table[*Link]   // /groups/g/users/u
	Policies             Table[*Policy] // below what they are of
	Fragments            Table[*Fragment]
	NamedValues          Table[*NamedValue]
	RoleChecks           Table[*RoleCheck] // below the service, a product or an API
	Backends             Table[*Backend]
	Certificates         Table[*Certificate]
	Caches               Table[*Cache]
	Loggers              Table[*Logger]
	Diagnostics          Table[*Diagnostic] // below the service, a workspace or an API
	AuthorizationServers Table[*AuthorizationServer]
	OpenIDProviders      Table[*OpenIDProvider]
	IdentityProviders    Table[*IdentityProvider]
	Authorizations       Table[*AuthorizationProvider]
	Connections          Table[*Connection] // below their provider
	AccessPolicies       Table[*AccessPolicy]
	ClientApplications   Table[*ClientApplication]
	Gateways             Table[*Gateway]
	GatewayAPIs          Table[*Link] // /gateways/g/apis/a
	GatewayHosts         Table[*GatewayHost]
	GatewayAuthorities   Table[*GatewayAuthority]
	DebugKeys            Table[*DebugKey]
}

// Update is what changed in a service since an earlier revision.
type Update struct {
	Service  string // full resource ID of the service
	Revision int64
	Whole    bool // the service as it is; nothing that is not in Put is left
	Gone     bool // the service was deleted
	Put      []Entity
	Delete   []Key
}

// New is the configuration of an update that is Whole.
func New(u *Update) *Config {
	c := &Config{}
	c.Apply(u)
	return c
}

// Apply brings the configuration up to date.
func (c *Config) Apply(u *Update) {
	if u.Whole {
		*c = Config{}
	}
	c.Revision = max(c.Revision, u.Revision)
	for _, k := range u.Delete {
		if t := c.table(k.kind()); t != nil {
			t.drop(k)
		}
	}
	for _, e := range u.Put {
		if s, ok := e.(*Service); ok {
			c.Service = s
		} else if t := c.table(e.Key().kind()); t != nil {
			t.put(e)
		}
	}
}

// All are all entities, the service among them, in no particular order.
func (c *Config) All() iter.Seq[Entity] {
	return func(yield func(Entity) bool) {
		if c.Service != nil && !yield(c.Service) {
			return
		}
		for _, kind := range tableKinds {
			if !c.table(kind).each(yield) {
				return
			}
		}
	}
}

// Update returns the whole configuration as an update, entities in the order of their keys.
func (c *Config) Update() *Update {
	u := &Update{Revision: c.Revision, Whole: true}
	if c.Service != nil {
		u.Service = c.Service.Resource
	}
	u.Put = slices.SortedFunc(c.All(), func(a, b Entity) int { return strings.Compare(string(a.Key()), string(b.Key())) })
	return u
}

// Policy is the policy document of an entity, or the global one of ""; nil when there is none.
func (c *Config) Policy(of Key) *Policy {
	p, _ := c.Policies.Get(of + "/policies/policy")
	return p
}

// NewEntity makes an empty entity of the type that a key is of; nil for a key of no type that a Config holds.
func NewEntity(k Key) Entity {
	if k == "" {
		return &Service{}
	}
	var none Config
	if t := none.table(k.kind()); t != nil {
		return t.fresh()
	}
	return nil
}

type wireUpdate struct {
	Service  string            `json:"service"`
	Revision int64             `json:"revision"`
	Whole    bool              `json:"whole,omitempty"`
	Gone     bool              `json:"gone,omitempty"`
	Put      []json.RawMessage `json:"put,omitempty"`
	Delete   []Key             `json:"delete,omitempty"`
}

// MarshalJSON writes an update; the ID of an entity tells its type.
func (u *Update) MarshalJSON() ([]byte, error) {
	w := wireUpdate{Service: u.Service, Revision: u.Revision, Whole: u.Whole, Gone: u.Gone, Delete: u.Delete}
	for _, e := range u.Put {
		b, err := json.Marshal(e)
		if err != nil {
			return nil, err
		}
		w.Put = append(w.Put, b)
	}
	return json.Marshal(w)
}

// UnmarshalJSON reads what MarshalJSON wrote. Entities of types that this program does not know are left out:
// a newer management node may have them.
func (u *Update) UnmarshalJSON(b []byte) error {
	var w wireUpdate
	if err := json.Unmarshal(b, &w); err != nil {
		return err
	}
	*u = Update{Service: w.Service, Revision: w.Revision, Whole: w.Whole, Gone: w.Gone, Delete: w.Delete}
	for _, raw := range w.Put {
		e, err := ReadEntity(raw)
		if err != nil {
			return err
		}
		if e != nil {
			u.Put = append(u.Put, e)
		}
	}
	return nil
}

// ReadEntity reads one entity; it is nil when its type is not known.
func ReadEntity(raw []byte) (Entity, error) {
	var named struct {
		ID string `json:"id"`
	}
	if err := json.Unmarshal(raw, &named); err != nil {
		return nil, err
	}
	e := NewEntity(KeyOf(named.ID))
	if e == nil {
		return nil, nil
	}
	if err := json.Unmarshal(raw, e); err != nil {
		return nil, fmt.Errorf("config: %s: %w", named.ID, err)
	}
	e.SetID(named.ID)
	return e, nil
}
