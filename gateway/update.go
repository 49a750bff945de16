package gateway

import (
	"crypto/tls"
	"hash/maphash"
	"log/slog"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"gatehouse/gateway/config"
	"gatehouse/gateway/contract"
	"gatehouse/gateway/pipeline"
	"gatehouse/policy"
	"gatehouse/policy/expr"
)

// builder makes the Plans of one service, each out of the one before. One goroutine at a time uses it.
type builder struct {
	plan      *Plan
	documents map[config.Key]*document // by what they are of
	groups    map[string]map[config.Key]bool
	schemas   *contract.Schemas
	fresh     []*document // made by the last update
	edges     []edge      // of workspace gateways
}

// changes are what an update is about.
type changes struct {
	everything, users, keys bool
	certificates, schemas   bool
	apis, products, spaces  map[config.Key]bool
	holders                 map[config.Key]bool // of policies
	names, parts            map[string]bool     // named values and fragments
	sets                    map[config.Key]bool
	subscriptions           map[config.Key]bool
}

func newChanges() *changes {
	return &changes{apis: map[config.Key]bool{}, products: map[config.Key]bool{}, spaces: map[config.Key]bool{}, holders: map[config.Key]bool{},
		names: map[string]bool{}, parts: map[string]bool{}, sets: map[config.Key]bool{}, subscriptions: map[config.Key]bool{}}
}

// next makes the plan after an update; c has it already.
func (b *builder) next(c *config.Config, u *config.Update, home pipeline.Home, services *pipeline.Services, hooks func(config.Key, *pipeline.Env)) *Plan {
	d := newChanges()
	if b.plan == nil || u.Whole {
		*b = builder{documents: map[config.Key]*document{}, groups: map[string]map[config.Key]bool{}, schemas: &contract.Schemas{},
			plan: &Plan{seed: maphash.MakeSeed(), all: &texts{}}}
		d.everything, d.users, d.keys = true, true, true
	}
	for _, e := range u.Put {
		d.note(b, e.Key(), e)
	}
	for _, k := range u.Delete {
		d.note(b, k, nil)
	}
	was := b.plan
	next := *was
	next.Revision, next.Service, next.home, next.services = c.Revision, c.Service, home, services
	b.fresh = nil
	b.plan = &next
	b.texts(c, d, hooks)
	b.policies(c, d)
	b.entities(c, d, was)
	return b.plan
}

// note marks what an entity that was put or deleted is part of.
func (d *changes) note(b *builder, k config.Key, e config.Entity) {
	if k == "" { // the service itself: its name and place are in what every call sees
		return
	}
	switch x := e.(type) {
	case *config.NamedValue:
		d.names[x.DisplayName] = true
	case *config.Policy:
		d.holders[x.Holder()] = true
	}
	if of, ok := k.Of("apis"); ok && !isLink(k, "products", "gateways") {
		d.apis[of] = true
		if of.Parent() == config.Key(k).Workspace() {
			d.apis[baseOf(of)] = true
		}
	}
	if of, ok := k.Of("products"); ok { // its APIs and groups, too
		d.products[of] = true
	}
	if f := family(k); f == "apis" || f == "groups" {
		d.shownBy(b, k)
	}
	switch family(k) {
	case "policies":
		d.holders[k.Parent()] = true
	case "namedvalues":
		if was := b.plan.all.byKey(k); was != nil {
			d.names[was.DisplayName] = true
		}
		d.names[string(k.Name())] = true
	case "policyfragments":
		d.parts[k.Name()] = true
	case "apiversionsets":
		d.sets[k] = true
	case "workspaces":
		d.spaces[k] = true
	case "subscriptions":
		d.subscriptions[k] = true
	case "users", "groups":
		d.users = true
	case "certificates":
		d.certificates = true
	case "schemas":
		d.schemas = true
	}
}

// shownBy marks the products in which expressions see an API or a group that has changed.
func (d *changes) shownBy(b *builder, k config.Key) {
	if b.plan == nil {
		return
	}
	base := baseOf(k)
	for at, p := range b.plan.products {
		if p.apis[base] || slices.ContainsFunc(p.seen.Groups, func(g *expr.Group) bool { return strings.EqualFold(g.ID, k.Name()) }) {
			d.products[at] = true
		}
	}
}

// isLink reports whether a key of one family stands below one of others: /products/p/apis/a is the product's.
func isLink(k config.Key, families ...string) bool {
	return slices.ContainsFunc(families, func(f string) bool {
		_, ok := k.Of(f)
		return ok
	})
}

func family(k config.Key) string {
	parts := strings.Split(string(k), "/")
	if len(parts) < 2 {
		return ""
	}
	return parts[len(parts)-2]
}

func baseOf(k config.Key) config.Key {
	base, _, _ := strings.Cut(string(k), revisionMark)
	return config.Key(base)
}

func (t *texts) byKey(k config.Key) *config.NamedValue {
	for _, v := range t.values[k.Workspace()] {
		if v.Key() == k {
			return v
		}
	}
	return nil
}

// texts brings named values and fragments up to date.
func (b *builder) texts(c *config.Config, d *changes, hooks func(config.Key, *pipeline.Env)) {
	if !d.everything && len(d.names)+len(d.parts) == 0 {
		return
	}
	old := b.plan.all
	t := &texts{values: map[config.Key]map[string]*config.NamedValue{}, fragments: map[config.Key]*fragment{}, hooks: hooks}
	for v := range c.NamedValues.All() {
		space := v.Key().Workspace()
		if t.values[space] == nil {
			t.values[space] = map[string]*config.NamedValue{}
		}
		t.values[space][v.DisplayName] = v
	}
	for f := range c.Fragments.All() {
		if was := old.fragments[f.Key()]; was != nil && was.source == f {
			t.fragments[f.Key()] = was
		} else {
			t.fragments[f.Key()] = newFragment(f)
		}
	}
	for k, f := range t.fragments { // a fragment changes with the named values in it
		if slices.ContainsFunc(f.names, func(n string) bool { return d.names[n] }) {
			d.parts[k.Name()] = true
		}
	}
	b.plan.all = t
}

// policies brings documents up to date, and marks what they are of.
func (b *builder) policies(c *config.Config, d *changes) {
	changed := func(p *config.Policy, holder config.Key) {
		if p == nil {
			delete(b.documents, holder)
		} else {
			made := newDocument(p, scopeOf(holder), b.plan.all)
			b.documents[holder] = made
			b.fresh = append(b.fresh, made)
		}
		d.holder(holder)
	}
	if d.everything {
		for p := range c.Policies.All() {
			changed(p, p.Holder())
		}
		return
	}
	if len(d.names)+len(d.parts) > 0 {
		for holder, doc := range b.documents {
			if doc.touches(d.names, d.parts) {
				d.holders[holder] = true
			}
		}
	}
	for holder := range d.holders {
		changed(c.Policy(holder), holder)
	}
}

// holder marks what a policy is of.
func (d *changes) holder(k config.Key) {
	switch family(k) {
	case "workspaces":
		d.spaces[k] = true
	case "products":
		d.products[k] = true
	}
	if of, ok := k.Of("apis"); ok {
		d.apis[of] = true
	}
}

func scopeOf(holder config.Key) policy.Scope {
	switch family(holder) {
	case "workspaces":
		return policy.Workspace
	case "products":
		return policy.Product
	case "apis":
		return policy.API
	case "operations":
		return policy.Operation
	case "resolvers":
		return policy.Resolver
	}
	return policy.Global
}

// entities brings everything else up to date. Maps of the last plan are copied before they change.
func (b *builder) entities(c *config.Config, d *changes, was *Plan) {
	p := b.plan
	p.global = b.documents[""]
	if d.everything || d.certificates || p.deployment == nil || p.Service != was.Service {
		p.deployment, p.own = deploymentOf(c)
	}
	if d.everything || d.schemas {
		p.schemas = map[config.Key]*config.Schema{}
		for s := range c.Schemas.All() {
			if s.Key().Parent() == s.Key().Workspace() {
				p.schemas[s.Key()] = s
			}
		}
	}
	if d.everything {
		d.all(c)
	}
	if len(d.sets) > 0 {
		for a := range c.APIs.All() {
			if d.sets[a.VersionSet] {
				d.apis[a.Key()] = true
			}
		}
	}
	if len(d.spaces) > 0 {
		p.workspaces = cloned(p.workspaces)
		for k := range d.spaces {
			b.workspace(c, k)
		}
	}
	if d.users {
		p.users = usersOf(c)
	}
	if len(d.products) > 0 {
		p.products, p.open = cloned(p.products), cloned(p.open)
		for k := range d.products {
			b.product(c, k)
		}
	}
	if len(d.apis) > 0 {
		p.apis, p.paths = cloned(p.apis), cloned(p.paths)
		stale := map[string]bool{}
		for k := range d.apis {
			b.api(c, k, stale)
		}
		for path := range stale {
			b.group(path)
		}
	}
	if len(d.subscriptions) > 0 {
		b.subscriptions(c, d)
	}
}

func cloned[K comparable, V any](m map[K]V) map[K]V {
	if m == nil {
		return map[K]V{}
	}
	return maps.Clone(m)
}

func (d *changes) all(c *config.Config) {
	for e := range c.APIs.All() {
		d.apis[e.Key()] = true
	}
	for e := range c.Products.All() {
		d.products[e.Key()] = true
	}
	for e := range c.Workspaces.All() {
		d.spaces[e.Key()] = true
	}
	for e := range c.Subscriptions.All() {
		d.subscriptions[e.Key()] = true
	}
}

// deploymentOf is what expressions see of the gateway, and the client certificates of the service by thumbprint.
func deploymentOf(c *config.Config) (*expr.Deployment, map[string]*tls.Certificate) {
	own := map[string]*tls.Certificate{}
	seen := map[string]*expr.Certificate{}
	for e := range c.Certificates.All() {
		pair, print, err := ReadPFX(e.PFX, e.Password)
		if err != nil {
			continue // who names it fails
		}
		own[print] = pair
		seen[print] = &expr.Certificate{Leaf: pair.Leaf, Key: pair.PrivateKey}
		if e.Key().Workspace() == "" {
			seen[e.Name()] = seen[print]
		}
	}
	return &expr.Deployment{Certificates: seen, Gateway: &expr.Gateway{ID: "managed", InstanceID: "managed", IsManaged: true}, GatewayID: "managed", Region: c.Service.Location,
		ServiceID: c.Service.ServiceName(), ServiceName: c.Service.ServiceName()}, own
}

// selfHosted is what policies of a self-hosted gateway see of where they run: its region is the name of its location.
func selfHosted(c *config.Config, d *expr.Deployment, name string) *expr.Deployment {
	own := *d
	own.Gateway, own.GatewayID = &expr.Gateway{ID: name, InstanceID: name}, name
	if e, ok := c.Gateways.Get(config.Key("").Child("gateways", name)); ok && e.Region != "" {
		own.Region = e.Region
	}
	return &own
}

func (b *builder) workspace(c *config.Config, k config.Key) {
	w, ok := c.Workspaces.Get(k)
	if !ok {
		delete(b.plan.workspaces, k)
		return
	}
	b.plan.workspaces[k] = &workspace{node{b.documents[k]}, &expr.Workspace{ID: w.Name(), Name: w.DisplayName}}
}

// usersOf makes all users with their groups.
func usersOf(c *config.Config) map[config.Key]*expr.User {
	users := make(map[config.Key]*expr.User, c.Users.Len())
	for u := range c.Users.All() {
		seen := &expr.User{ID: u.Name(), Email: u.Email, FirstName: u.FirstName, LastName: u.LastName, Note: u.Note, RegistrationDate: u.Registration.Time}
		for _, i := range u.Identities {
			seen.Identities = append(seen.Identities, &expr.UserIdentity{ID: i.ID, Provider: i.Provider})
		}
		users[u.Key()] = seen
	}
	groups := map[config.Key]*expr.Group{}
	for g := range c.Groups.All() {
		groups[g.Key()] = &expr.Group{ID: g.Name(), Name: g.DisplayName}
	}
	for l := range c.GroupUsers.All() {
		if u, g := users[l.To], groups[l.From()]; u != nil && g != nil {
			u.Groups = append(u.Groups, g)
		}
	}
	for _, u := range users {
		slices.SortFunc(u.Groups, func(x, y *expr.Group) int { return strings.Compare(x.ID, y.ID) })
	}
	return users
}

func (b *builder) product(c *config.Config, k config.Key) {
	if was := b.plan.products[k]; was != nil {
		for a := range was.apis {
			if b.plan.open[a] == was {
				delete(b.plan.open, a)
			}
		}
	}
	e, ok := c.Products.Get(k)
	if !ok {
		delete(b.plan.products, k)
		return
	}
	p := &product{node: node{b.documents[k]}, entity: e, apis: map[config.Key]bool{}, seen: &expr.Product{ID: e.Name(), Name: e.DisplayName, State: "NotPublished",
		ApprovalRequired: e.ApprovalRequired, SubscriptionRequired: e.SubscriptionRequired}}
	if e.Published {
		p.seen.State = "Published"
	}
	if e.SubscriptionsLimit != nil {
		n := int(*e.SubscriptionsLimit)
		p.seen.SubscriptionsLimit = &n
	}
	for _, l := range c.ProductGroups.Below(k) {
		if g, ok := c.Groups.Get(l.To); ok {
			p.seen.Groups = append(p.seen.Groups, &expr.Group{ID: g.Name(), Name: g.DisplayName})
		}
	}
	for _, l := range c.ProductAPIs.Below(k) {
		p.apis[baseOf(l.To)] = true
		if a, ok := c.APIs.Get(l.To); ok {
			p.seen.APIs = append(p.seen.APIs, seenAPI(a))
		}
	}
	b.plan.products[k] = p
	if e.SubscriptionRequired || !e.Published {
		return
	}
	for a := range p.apis {
		if was := b.plan.open[a]; was == nil || was.entity.Key() >= k { // at most one on Azure; here the first by name
			b.plan.open[a] = p
		}
	}
}

func seenAPI(a *config.API) *expr.API {
	s := &expr.API{ID: a.Name(), Name: a.DisplayName, Path: a.Path, Revision: a.Revision, Version: a.Version, IsCurrentRevision: a.Current, Protocols: a.Protocols,
		KeyHeader: a.KeyNames.Header, KeyQuery: a.KeyNames.Query}
	if s.KeyHeader == "" {
		s.KeyHeader = defaultKeyHeader
	}
	if s.KeyQuery == "" {
		s.KeyQuery = defaultKeyQuery
	}
	if u, err := url.Parse(a.ServiceURL); err == nil && u.Host != "" {
		s.ServiceURL = pipeline.SeenURL(u)
	}
	return s
}

func (b *builder) api(c *config.Config, k config.Key, stale map[string]bool) {
	if was := b.plan.apis[k]; was != nil {
		path := pathKey(was.entity.Path)
		delete(b.groups[path], k)
		stale[path] = true
	}
	e, ok := c.APIs.Get(k)
	if !ok {
		delete(b.plan.apis, k)
		return
	}
	a := &api{node: node{b.documents[k]}, entity: e, base: baseOf(k), seen: seenAPI(e), schemes: schemesOf(e), versions: fold(e.Version),
		seenOps: map[*operation]*expr.Operation{}, contracts: map[*operation]*contract.Operation{}}
	a.keyHeader, a.keyQuery = http.CanonicalHeaderKey(a.seen.KeyHeader), a.seen.KeyQuery
	a.target, a.targetErr = baseURL(e.ServiceURL)
	if strings.EqualFold(e.Type, "mcp") && a.target == nil && a.targetErr == nil {
		a.target = &url.URL{Scheme: "http", Host: ToolsHost, Path: "/" + c.Service.ServiceName() + string(k)}
	}
	if set, ok := c.VersionSets.Get(e.VersionSet); ok && e.VersionSet != "" {
		a.set = set
	}
	schemas := c.Schemas.Below(k)
	find := func(name string) *config.Schema {
		for _, s := range schemas {
			if strings.EqualFold(s.Name(), name) {
				return s
			}
		}
		return nil
	}
	for _, op := range c.Operations.Below(k) {
		o := &operation{template: parseTemplate(op.URLTemplate), op: op, method: strings.ToUpper(op.Method), node: node{b.documents[op.Key()]}}
		a.operations.add(o)
		a.queries = a.queries || len(o.query) > 0
		a.seenOps[o] = &expr.Operation{ID: op.Name(), Method: op.Method, Name: op.DisplayName, URLTemplate: op.URLTemplate}
		a.contracts[o] = contract.New(op, find, b.schemas)
		a.contracts[o].Siblings = schemas
		if strings.EqualFold(e.Type, "websocket") {
			a.catchAll = o
		}
	}
	a.wide()
	a.grpc = strings.EqualFold(e.Type, "grpc")
	a.graphQL, a.odata = b.graphQLOf(c, e, slog.Default()), odataOf(e, schemas)
	b.plan.apis[k] = a
	path := pathKey(e.Path)
	if b.groups[path] == nil {
		b.groups[path] = map[config.Key]bool{}
	}
	b.groups[path][k], stale[path] = true, true
}

// wide gives kinds of APIs whose operations are not told apart by address one for all calls (gateway.md 10).
func (a *api) wide() {
	switch strings.ToLower(a.entity.Type) {
	case "graphql", "grpc", "odata", "mcp", "websocket":
		if a.catchAll == nil {
			a.catchAll = &operation{op: &config.Operation{}}
			a.seenOps[a.catchAll] = nil
		}
	}
}

func pathKey(path string) string { return foldSegments(strings.Trim(path, "/")) }

// baseURL reads the address of a backend.
func baseURL(text string) (*url.URL, error) {
	if text = strings.TrimSpace(text); text == "" {
		return nil, nil
	}
	u, err := url.Parse(text)
	if err != nil {
		return nil, err
	}
	switch strings.ToLower(u.Scheme) {
	case "ws":
		u.Scheme = "http"
	case "wss":
		u.Scheme = "https"
	}
	return u, nil
}

func schemesOf(a *config.API) (s scheme) {
	if len(a.Protocols) == 0 {
		return secureHTTP | secureWS
	}
	for _, p := range a.Protocols {
		switch strings.ToLower(p) {
		case "http":
			s |= plainHTTP
		case "https":
			s |= secureHTTP
		case "ws":
			s |= plainWS
		case "wss":
			s |= secureWS
		}
	}
	if strings.EqualFold(a.Type, "graphql") { // subscriptions come over WebSocket
		if s&plainHTTP != 0 {
			s |= plainWS
		}
		if s&secureHTTP != 0 {
			s |= secureWS
		}
	}
	return s
}

// group gathers the APIs of a path again.
func (b *builder) group(path string) {
	members := b.groups[path]
	if len(members) == 0 {
		delete(b.groups, path)
		delete(b.plan.paths, path)
		b.depth(path)
		return
	}
	g := &group{}
	for _, k := range slices.Sorted(maps.Keys(members)) {
		g.members = append(g.members, b.plan.apis[k])
	}
	b.plan.paths[path] = g
	b.depth(path)
}

// depth keeps deepest no less than the segments of any path; it never has to shrink.
func (b *builder) depth(path string) {
	if path != "" {
		b.plan.deepest = max(b.plan.deepest, strings.Count(path, "/")+1)
	}
}

// subscriptions brings the index of keys up to date.
func (b *builder) subscriptions(c *config.Config, d *changes) {
	p := b.plan
	if d.everything {
		p.keys = map[uint64][]*held{}
	} else {
		p.keys = maps.Clone(p.keys)
		for h, list := range p.keys {
			if slices.ContainsFunc(list, func(x *held) bool { return d.subscriptions[x.subscription.Key()] }) {
				kept := slices.DeleteFunc(slices.Clone(list), func(x *held) bool { return d.subscriptions[x.subscription.Key()] })
				if p.keys[h] = kept; len(kept) == 0 {
					delete(p.keys, h)
				}
			}
		}
	}
	for k := range d.subscriptions {
		s, ok := c.Subscriptions.Get(k)
		if !ok {
			continue
		}
		for i, key := range [...]string{s.Primary, s.Secondary} {
			if key == "" || i == 1 && key == s.Primary {
				continue
			}
			h := maphash.String(p.seed, key)
			p.keys[h] = append(slices.Clip(p.keys[h]), &held{s, key, seenSubscription(s, key)})
		}
	}
}

func seenSubscription(s *config.Subscription, key string) *expr.Subscription {
	return &expr.Subscription{ID: s.Name(), Name: s.DisplayName, PrimaryKey: s.Primary, SecondaryKey: s.Secondary, Key: key,
		CreatedDate: moment(s.Created), StartDate: moment(s.Start), EndDate: moment(s.End)}
}

func moment(t config.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t.Time
}
