package expr

import (
	"net/url"
	"slices"
	"strings"
	"time"

	"gatehouse/dotnet"
)

// The context of a call (policy-expressions.md 7).

// contextTypes maps the types of the context to where they hang, for Reads.
var contextTypes = map[string]string{
	"IApi": "Api", "IBackend": "Backend", "IDeployment": "Deployment", "IGraphQL": "GraphQL", "ILastError": "LastError", "IOperation": "Operation",
	"IProduct": "Product", "IRequest": "Request", "IResponse": "Response", "ISubscription": "Subscription", "IUser": "User", "IWorkspace": "Workspace",
}

var (
	apiType, backendType, deploymentType, gatewayType, graphType, lastErrorType, operationType, productType = new(Type), new(Type), new(Type), new(Type), new(Type), new(Type), new(Type), new(Type)
	groupType, requestType, responseType, messageType, bodyType, urlType, subscriptionType, userType        = new(Type), new(Type), new(Type), new(Type), new(Type), new(Type), new(Type), new(Type)
	identityType, workspaceType, endpointType, jwtType, authorizationType, basicType, keyNamesType          = new(Type), new(Type), new(Type), new(Type), new(Type), new(Type), new(Type)
	foundryType, carbonType                                                                                 = new(Type), new(Type)
)

// contextKind knows the types of what hangs at the context.
func contextKind(pointer any) *Type {
	switch pointer.(type) {
	case *Context:
		return contextType
	case *API:
		return apiType
	case *Backend:
		return backendType
	case *Deployment:
		return deploymentType
	case *Gateway:
		return gatewayType
	case *GraphQL:
		return graphType
	case *LastError:
		return lastErrorType
	case *Operation:
		return operationType
	case *Product:
		return productType
	case *Group:
		return groupType
	case *Request:
		return requestType
	case *Response:
		return responseType
	case *messageBody:
		return bodyType
	case *URL:
		return urlType
	case *Subscription:
		return subscriptionType
	case *User:
		return userType
	case *UserIdentity:
		return identityType
	case *Workspace:
		return workspaceType
	case *PrivateEndpoint:
		return endpointType
	case *Jwt:
		return jwtType
	case *Authorization:
		return authorizationType
	case *BasicAuth:
		return basicType
	case Headers, Claims, *queryParams:
		return instance(readOnlyDict, stringType, arrayOf(stringType))
	case stringMap:
		return instance(readOnlyDict, stringType, stringType)
	case *Variables:
		return instance(readOnlyDict, stringType, objectType)
	}
	return nil
}

// stringMap is a map of strings as a dictionary that is read.
type stringMap map[string]string

// queryParams are those of a URL by name, without case, in the order of the URL.
type queryParams struct {
	names  []string
	byName map[string][]string // by the name in lower case
	raw    string
}

// Query returns the values of a parameter of the query, whatever its case.
func (u *URL) Query(name string) []string { return readQuery(u.RawQuery).byName[strings.ToLower(name)] }

// query returns the parameters of a URL. What was read last stays with the evaluation and not with the URL: calls share that of an
// API's service.
func (f *Frame) query(u *URL) *queryParams {
	if f.params == nil || f.params.raw != u.RawQuery {
		f.params = readQuery(u.RawQuery)
	}
	return f.params
}

func readQuery(raw string) *queryParams {
	q := &queryParams{byName: map[string][]string{}, raw: raw}
	for part := range strings.SplitSeq(strings.TrimPrefix(raw, "?"), "&") {
		if part == "" {
			continue
		}
		name, value, _ := strings.Cut(part, "=")
		name, value = unescapeQuery(name), unescapeQuery(value)
		at := strings.ToLower(name)
		if _, ok := q.byName[at]; !ok {
			q.names = append(q.names, name)
		}
		q.byName[at] = append(q.byName[at], value)
	}
	return q
}

func unescapeQuery(s string) string {
	if t, err := url.QueryUnescape(s); err == nil {
		return t
	}
	return s
}

// queryString is with its question mark, "" for none.
func (u *URL) queryString() string {
	if q := strings.TrimPrefix(u.RawQuery, "?"); q != "" {
		return "?" + q
	}
	return ""
}

// String returns the whole URL; the port is left out when it is that of the scheme.
func (u *URL) String() string {
	host := u.Host
	if !(u.Port == 0 || u.Scheme == "https" && u.Port == 443 || u.Scheme == "http" && u.Port == 80) {
		host += ":" + itoa(u.Port)
	}
	return u.Scheme + "://" + host + u.Path + u.queryString()
}

// Get returns the values of a header, whatever the case of its name.
func (h Headers) Get(name string) []string {
	if v, ok := h[name]; ok {
		return v
	}
	var buffer [64]byte
	if len(name) > len(buffer) {
		for k, v := range h {
			if strings.EqualFold(k, name) {
				return v
			}
		}
		return nil
	}
	up := true
	for i := range len(name) {
		c := name[i]
		switch {
		case up && 'a' <= c && c <= 'z':
			c -= 32
		case !up && 'A' <= c && c <= 'Z':
			c += 32
		}
		up = c == '-'
		buffer[i] = c
	}
	return h[string(buffer[:len(name)])]
}

// What is a dictionary to C#.

func (h Headers) length() int { return len(h) }

func (h Headers) lookup(_ *Frame, k Value) (Value, bool, error) {
	v := h.Get(k.Str())
	if v == nil {
		return Null, false, nil
	}
	return Strings(v), true, nil
}

func (h Headers) keys() []Value { return sortedKeys(h) }

func sortedKeys[V any](m map[string]V) []Value {
	names := make([]string, 0, len(m))
	for k := range m {
		names = append(names, k)
	}
	slices.Sort(names)
	list := make([]Value, len(names))
	for i, n := range names {
		list[i] = String(n)
	}
	return list
}

func (h Headers) values() []Value {
	var list []Value
	for _, k := range h.keys() {
		list = append(list, Strings(h[k.Str()]))
	}
	return list
}

func (c Claims) length() int { return len(c) }

func (c Claims) lookup(_ *Frame, k Value) (Value, bool, error) {
	v, ok := c[k.Str()]
	if !ok {
		return Null, false, nil
	}
	return Strings(v), true, nil
}

func (c Claims) keys() []Value { return sortedKeys(c) }

func (c Claims) values() []Value {
	var list []Value
	for _, k := range c.keys() {
		list = append(list, Strings(c[k.Str()]))
	}
	return list
}

func (m stringMap) length() int { return len(m) }

func (m stringMap) lookup(_ *Frame, k Value) (Value, bool, error) {
	v, ok := m[k.Str()]
	return String(v), ok, nil
}

func (m stringMap) keys() []Value { return sortedKeys(m) }

func (m stringMap) values() []Value {
	var list []Value
	for _, k := range m.keys() {
		list = append(list, String(m[k.Str()]))
	}
	return list
}

func (q *queryParams) length() int { return len(q.names) }

func (q *queryParams) lookup(_ *Frame, k Value) (Value, bool, error) {
	v, ok := q.byName[strings.ToLower(k.Str())]
	if !ok {
		return Null, false, nil
	}
	return Strings(v), true, nil
}

func (q *queryParams) keys() []Value {
	list := make([]Value, len(q.names))
	for i, n := range q.names {
		list[i] = String(n)
	}
	return list
}

func (q *queryParams) values() []Value {
	var list []Value
	for _, n := range q.names {
		list = append(list, Strings(q.byName[strings.ToLower(n)]))
	}
	return list
}

func (v *Variables) length() int { return v.Len() }

func (v *Variables) lookup(_ *Frame, k Value) (Value, bool, error) {
	x, ok := v.Get(k.Str())
	return x, ok, nil
}

func (v *Variables) keys() []Value {
	list := make([]Value, len(v.list))
	for i := range v.list {
		list[i] = String(v.list[i].name)
	}
	return list
}

func (v *Variables) values() []Value {
	list := make([]Value, len(v.list))
	for i := range v.list {
		list[i] = v.list[i].value
	}
	return list
}

func (v *Variables) forgives() {}

func contextCollection(any) collection { return nil }

// contextWalk walks the dictionaries of the context as pairs.
func contextWalk(pointer any) (walk, bool) {
	l, ok := pointer.(lookup)
	if !ok {
		return nil, false
	}
	t := contextKind(pointer)
	if t == nil {
		return nil, false
	}
	return func(_ *Frame, yield func(Value) (bool, error)) error {
		typ := instance(pairType, t.args...)
		values := l.values()
		for i, k := range l.keys() {
			if more, err := yield(Value{&Pair{typ, k, values[i]}, 0}); err != nil || !more {
				return err
			}
		}
		return nil
	}, true
}

// of makes the code of a property of a Go struct.
func of[T any](get func(x T) Value) Func {
	return func(_ *Frame, a []Value) (Value, error) { return get(a[0].ref.(T)), nil }
}

// ref makes a reference that is null for a nil pointer.
func ref[T any](p *T) Value {
	if p == nil {
		return Null
	}
	return Value{p, 0}
}

func list[T any](elem *Type, of []*T) Value {
	items := make([]Value, len(of))
	for i, p := range of {
		items[i] = Value{p, 0}
	}
	return newListOf(elem, items)
}

// ticksOf are those of a time since the year 1, in units of 100 ns; the bits of a DateTime in UTC say so in the highest two.
const (
	unixTicks = 621355968000000000
	kindUTC   = 1 << 62
)

func timeValue(t time.Time) Value {
	return Number(dateTimeType, unixTicks+t.Unix()*1e7+int64(t.Nanosecond())/100|kindUTC)
}

func optionalTime(t *time.Time) Value {
	if t == nil {
		return Null
	}
	return timeValue(*t)
}

// messageBody is an IMessageBody: the body of a message with what its headers say of it.
type messageBody struct {
	body    Body
	headers Headers
}

func bodyOf(body Body, headers Headers) Value {
	if body == nil {
		return Null
	}
	return Value{&messageBody{body, headers}, 0}
}

func message(v Value) (Headers, Body) {
	switch x := v.ref.(type) {
	case *Request:
		return x.Headers, x.Body
	case *Response:
		return x.Headers, x.Body
	}
	return nil, nil
}

var contextDecls = []Decl{
	{Head: "interface IContext", Type: contextType, Members: members{
		m("IApi Api { get; }", of(func(c *Context) Value { return ref(c.API) })),
		m("IBackend Backend { get; }", of(func(c *Context) Value { return ref(c.Backend) })),
		m("IDeployment Deployment { get; }", of(func(c *Context) Value { return ref(c.Deployment) })),
		m("TimeSpan Elapsed { get; }", func(f *Frame, a []Value) (Value, error) {
			return Number(timeSpanType, int64(f.Now().Sub(f.ctx.Timestamp))/100), nil
		}),
		m("IGraphQL GraphQL { get; }", of(func(c *Context) Value { return ref(c.GraphQL) })),
		m("ILastError LastError { get; }", of(func(c *Context) Value { return ref(c.LastError) })),
		m("IOperation Operation { get; }", of(func(c *Context) Value { return ref(c.Operation) })),
		m("IProduct Product { get; }", of(func(c *Context) Value { return ref(c.Product) })),
		m("IRequest Request { get; }", of(func(c *Context) Value { return ref(c.Request) })),
		m("Guid RequestId { get; }", of(func(c *Context) Value { return guidValue(c.RequestID) })),
		m("IResponse Response { get; }", of(func(c *Context) Value { return ref(c.Response) })),
		m("ISubscription Subscription { get; }", of(func(c *Context) Value { return ref(c.Subscription) })),
		m("DateTime Timestamp { get; }", of(func(c *Context) Value { return timeValue(c.Timestamp) })),
		m("bool Tracing { get; }", of(func(c *Context) Value { return Bool(c.Tracing) })),
		m("IUser User { get; }", of(func(c *Context) Value { return ref(c.User) })),
		m("IReadOnlyDictionary<string, object> Variables { get; }", of(func(c *Context) Value { return Value{&c.Variables, 0} })),
		m("IWorkspace Workspace { get; }", of(func(c *Context) Value { return ref(c.Workspace) })),
		m("void Trace(string message)", func(f *Frame, a []Value) (Value, error) {
			if f.ctx.TraceFunc != nil {
				f.ctx.TraceFunc(a[1].Str())
			}
			return Null, nil
		}),
	}},
	{Head: "interface IApi", Type: apiType, Members: members{
		m("string Id { get; }", of(func(x *API) Value { return String(x.ID) })), m("string Name { get; }", of(func(x *API) Value { return String(x.Name) })),
		m("string Path { get; }", of(func(x *API) Value { return String(x.Path) })), m("string Revision { get; }", of(func(x *API) Value { return String(x.Revision) })),
		m("string Version { get; }", of(func(x *API) Value { return String(x.Version) })),
		m("bool IsCurrentRevision { get; }", of(func(x *API) Value { return Bool(x.IsCurrentRevision) })),
		m("IUrl ServiceUrl { get; }", of(func(x *API) Value { return ref(x.ServiceURL) })),
		m("IEnumerable<string> Protocols { get; }", of(func(x *API) Value { return Strings(x.Protocols) })),
		m("ISubscriptionKeyParameterNames SubscriptionKeyParameterNames { get; }", of(func(x *API) Value { return Value{&keyNames{x}, 0} })),
	}},
	{Head: "interface ISubscriptionKeyParameterNames", Type: keyNamesType, Members: members{
		m("string Header { get; }", of(func(x *keyNames) Value { return String(x.api.KeyHeader) })), m("string Query { get; }", of(func(x *keyNames) Value { return String(x.api.KeyQuery) })),
	}},
	{Head: "interface IBackend", Type: backendType, Members: members{
		m("string Id { get; }", of(func(x *Backend) Value { return String(x.ID) })), m("string Type { get; }", of(func(x *Backend) Value { return String(x.Type) })),
		m("string AzureRegion { get; }", of(func(x *Backend) Value { return String(x.AzureRegion) })),
	}},
	{Head: "interface IDeployment", Type: deploymentType, Members: members{
		m("IGateway Gateway { get; }", of(func(x *Deployment) Value { return ref(x.Gateway) })), m("string GatewayId { get; }", of(func(x *Deployment) Value { return String(x.GatewayID) })),
		m("string Region { get; }", of(func(x *Deployment) Value { return String(x.Region) })), m("string ServiceId { get; }", of(func(x *Deployment) Value { return String(x.ServiceID) })),
		m("string ServiceName { get; }", of(func(x *Deployment) Value { return String(x.ServiceName) })),
		m("IReadOnlyDictionary<string, X509Certificate2> Certificates { get; }", of(func(x *Deployment) Value { return Value{certificates(x.Certificates), 0} })),
		m("ISustainabilityInfo SustainabilityInfo { get; }", of(func(x *Deployment) Value { return Value{&carbon{x}, 0} })),
	}},
	{Head: "interface ISustainabilityInfo", Type: carbonType, Members: members{m("string CurrentCarbonIntensity { get; }", of(func(x *carbon) Value { return String(x.of.CurrentCarbonIntensity) }))}},
	{Head: "interface IGateway", Type: gatewayType, Members: members{
		m("string Id { get; }", of(func(x *Gateway) Value { return String(x.ID) })), m("string InstanceId { get; }", of(func(x *Gateway) Value { return String(x.InstanceID) })),
		m("bool IsManaged { get; }", of(func(x *Gateway) Value { return Bool(x.IsManaged) })),
	}},
	{Head: "interface IGraphQL", Type: graphType, Members: members{ // gateway.md 17: both names occur
		m("JObject Arguments { get; }", of(func(x *GraphQL) Value { return x.Arguments })), m("JObject GraphQLArguments { get; }", of(func(x *GraphQL) Value { return x.Arguments })),
		m("JObject Parent { get; }", of(func(x *GraphQL) Value { return x.Parent })),
	}},
	{Head: "interface ILastError", Type: lastErrorType, Members: members{
		m("string Source { get; }", of(func(x *LastError) Value { return String(x.Source) })), m("string Reason { get; }", of(func(x *LastError) Value { return String(x.Reason) })),
		m("string Message { get; }", of(func(x *LastError) Value { return String(x.Message) })), m("string Scope { get; }", of(func(x *LastError) Value { return String(x.Scope) })),
		m("string Section { get; }", of(func(x *LastError) Value { return String(x.Section) })), m("string Path { get; }", of(func(x *LastError) Value { return String(x.Path) })),
		m("string PolicyId { get; }", of(func(x *LastError) Value { return String(x.PolicyID) })),
	}},
	{Head: "interface IOperation", Type: operationType, Members: members{
		m("string Id { get; }", of(func(x *Operation) Value { return String(x.ID) })), m("string Method { get; }", of(func(x *Operation) Value { return String(x.Method) })),
		m("string Name { get; }", of(func(x *Operation) Value { return String(x.Name) })), m("string UrlTemplate { get; }", of(func(x *Operation) Value { return String(x.URLTemplate) })),
	}},
	{Head: "enum ProductState { NotPublished, Published }", Type: productStateType},
	{Head: "interface IProduct", Type: productType, Members: members{
		m("bool ApprovalRequired { get; }", of(func(x *Product) Value { return Bool(x.ApprovalRequired) })),
		m("IEnumerable<IGroup> Groups { get; }", of(func(x *Product) Value { return list(groupType, x.Groups) })),
		m("IEnumerable<IApi> Apis { get; }", of(func(x *Product) Value { return list(apiType, x.APIs) })),
		m("string Id { get; }", of(func(x *Product) Value { return String(x.ID) })), m("string Name { get; }", of(func(x *Product) Value { return String(x.Name) })),
		m("ProductState State { get; }", of(func(x *Product) Value { return productState(x.State) })),
		m("int? SubscriptionsLimit { get; }", of(func(x *Product) Value {
			if x.SubscriptionsLimit == nil {
				return Null
			}
			return Int(*x.SubscriptionsLimit)
		})),
		m("bool SubscriptionRequired { get; }", of(func(x *Product) Value { return Bool(x.SubscriptionRequired) })),
	}},
	{Head: "interface IGroup", Type: groupType, Members: members{
		m("string Id { get; }", of(func(x *Group) Value { return String(x.ID) })), m("string Name { get; }", of(func(x *Group) Value { return String(x.Name) })),
	}},
	{Head: "interface IMessage", Type: messageType, Members: members{
		m("IMessageBody Body { get; }", func(_ *Frame, a []Value) (Value, error) {
			headers, body := message(a[0])
			return bodyOf(body, headers), nil
		}),
		m("IReadOnlyDictionary<string, string[]> Headers { get; }", func(_ *Frame, a []Value) (Value, error) {
			headers, _ := message(a[0])
			if headers == nil {
				headers = noHeaders
			}
			return Value{headers, 0}, nil
		}),
	}},
	{Head: "interface IRequest : IMessage", Type: requestType, Members: members{
		m("X509Certificate2 Certificate { get; }", of(func(x *Request) Value { return certificateValue(x.Certificate) })),
		m("string Method { get; }", of(func(x *Request) Value { return String(x.Method) })), m("string IpAddress { get; }", of(func(x *Request) Value { return String(x.IPAddress) })),
		m("IUrl Url { get; }", of(func(x *Request) Value { return ref(x.URL) })), m("IUrl OriginalUrl { get; }", of(func(x *Request) Value { return ref(x.OriginalURL) })),
		m("IReadOnlyDictionary<string, string> MatchedParameters { get; }", of(func(x *Request) Value { return Value{stringMap(x.MatchedParameters), 0} })),
		m("IFoundry Foundry { get; }", of(func(x *Request) Value { return Value{&foundry{x}, 0} })),
		m("IPrivateEndpointConnection PrivateEndpointConnection { get; }", of(func(x *Request) Value { return ref(x.PrivateEndpoint) })),
	}},
	{Head: "interface IFoundry", Type: foundryType, Members: members{m("string Deployment { get; }", of(func(x *foundry) Value { return String(x.of.FoundryDeployment) }))}},
	{Head: "interface IPrivateEndpointConnection", Type: endpointType, Members: members{
		m("string Name { get; }", of(func(x *PrivateEndpoint) Value { return String(x.Name) })), m("string GroupId { get; }", of(func(x *PrivateEndpoint) Value { return String(x.GroupID) })),
		m("string MemberName { get; }", of(func(x *PrivateEndpoint) Value { return String(x.MemberName) })),
	}},
	{Head: "interface IResponse : IMessage", Type: responseType, Members: members{
		m("int StatusCode { get; }", of(func(x *Response) Value { return Int(x.StatusCode) })), m("string StatusReason { get; }", of(func(x *Response) Value { return String(x.StatusReason) })),
	}},
	{Head: "interface IUrl", Type: urlType, Members: members{
		m("string Host { get; }", of(func(x *URL) Value { return String(x.Host) })), m("string Path { get; }", of(func(x *URL) Value { return String(x.Path) })),
		m("int Port { get; }", of(func(x *URL) Value { return Int(x.Port) })), m("string Scheme { get; }", of(func(x *URL) Value { return String(x.Scheme) })),
		m("IReadOnlyDictionary<string, string[]> Query { get; }", func(f *Frame, a []Value) (Value, error) {
			return Value{f.query(a[0].ref.(*URL)), 0}, nil
		}),
		m("string QueryString { get; }", of(func(x *URL) Value { return String(x.queryString()) })),
		m("string ToString()", of(func(x *URL) Value { return String(x.String()) })),
		m("Uri ToUri()", func(_ *Frame, a []Value) (Value, error) {
			u, err := dotnet.ParseURI(a[0].ref.(*URL).String())
			if err != nil {
				return Null, err
			}
			return Value{u, 0}, nil
		}),
	}},
	{Head: "interface ISubscription", Type: subscriptionType, Members: members{
		m("DateTime CreatedDate { get; }", of(func(x *Subscription) Value {
			if x.CreatedDate == nil {
				return dateTimeType.zero
			}
			return timeValue(*x.CreatedDate)
		})),
		m("DateTime? EndDate { get; }", of(func(x *Subscription) Value { return optionalTime(x.EndDate) })), m("DateTime? StartDate { get; }", of(func(x *Subscription) Value { return optionalTime(x.StartDate) })),
		m("string Id { get; }", of(func(x *Subscription) Value { return String(x.ID) })), m("string Key { get; }", of(func(x *Subscription) Value { return String(x.Key) })),
		m("string Name { get; }", of(func(x *Subscription) Value { return String(x.Name) })), m("string PrimaryKey { get; }", of(func(x *Subscription) Value { return String(x.PrimaryKey) })),
		m("string SecondaryKey { get; }", of(func(x *Subscription) Value { return String(x.SecondaryKey) })),
	}},
	{Head: "interface IUser", Type: userType, Members: members{
		m("string Id { get; }", of(func(x *User) Value { return String(x.ID) })), m("string Email { get; }", of(func(x *User) Value { return String(x.Email) })),
		m("string FirstName { get; }", of(func(x *User) Value { return String(x.FirstName) })), m("string LastName { get; }", of(func(x *User) Value { return String(x.LastName) })),
		m("string Note { get; }", of(func(x *User) Value { return String(x.Note) })), m("DateTime RegistrationDate { get; }", of(func(x *User) Value { return timeValue(x.RegistrationDate) })),
		m("IEnumerable<IGroup> Groups { get; }", of(func(x *User) Value { return list(groupType, x.Groups) })),
		m("IEnumerable<IUserIdentity> Identities { get; }", of(func(x *User) Value { return list(identityType, x.Identities) })),
	}},
	{Head: "interface IUserIdentity", Type: identityType, Members: members{
		m("string Id { get; }", of(func(x *UserIdentity) Value { return String(x.ID) })), m("string Provider { get; }", of(func(x *UserIdentity) Value { return String(x.Provider) })),
	}},
	{Head: "interface IWorkspace", Type: workspaceType, Members: members{
		m("string Id { get; }", of(func(x *Workspace) Value { return String(x.ID) })), m("string Name { get; }", of(func(x *Workspace) Value { return String(x.Name) })),
	}},
	{Head: "class Jwt", Type: jwtType, Members: members{
		m("string Algorithm { get; }", of(func(x *Jwt) Value { return String(x.Algorithm) })), m("IEnumerable<string> Audiences { get; }", of(func(x *Jwt) Value { return Strings(x.Audiences) })),
		m("IReadOnlyDictionary<string, string[]> Claims { get; }", of(func(x *Jwt) Value {
			if x.Claims == nil {
				return Value{Claims{}, 0}
			}
			return Value{x.Claims, 0}
		})),
		m("DateTime? ExpirationTime { get; }", of(func(x *Jwt) Value { return optionalTime(x.ExpirationTime) })), m("DateTime? IssuedAt { get; }", of(func(x *Jwt) Value { return optionalTime(x.IssuedAt) })),
		m("DateTime? NotBefore { get; }", of(func(x *Jwt) Value { return optionalTime(x.NotBefore) })), m("string Id { get; }", of(func(x *Jwt) Value { return String(x.ID) })),
		m("string Issuer { get; }", of(func(x *Jwt) Value { return String(x.Issuer) })), m("string Subject { get; }", of(func(x *Jwt) Value { return String(x.Subject) })),
		m("string Type { get; }", of(func(x *Jwt) Value { return String(x.Type) })),
	}},
	{Head: "class Authorization", Type: authorizationType, Members: members{
		m("string AccessToken { get; }", of(func(x *Authorization) Value { return String(x.AccessToken) })),
		m("IReadOnlyDictionary<string, object> Claims { get; }", of(func(x *Authorization) Value {
			var v Variables
			for _, k := range sortedKeys(x.Claims) {
				v.Set(k.Str(), String(x.Claims[k.Str()]))
			}
			return Value{&v, 0}
		})),
	}},
	{Head: "class BasicAuthCredentials", Type: basicType, Members: members{
		m("string UserId { get; }", of(func(x *BasicAuth) Value { return String(x.UserID) })), m("string Password { get; }", of(func(x *BasicAuth) Value { return String(x.Password) })),
	}},
	{Head: "interface IMessageBody", Type: bodyType, Members: members{
		g("T As<T>(bool preserveContent = false)", bodyAs),
		m("IDictionary<string, IList<string>> AsFormUrlEncodedContent(bool preserveContent = false)", bodyAsForm),
	}},
}

var noHeaders = Headers{}

type (
	keyNames struct{ api *API }
	carbon   struct{ of *Deployment }
	foundry  struct{ of *Request }
)

func (*keyNames) dotnetType() *Type { return keyNamesType }
func (*carbon) dotnetType() *Type   { return carbonType }
func (*foundry) dotnetType() *Type  { return foundryType }

var productStateType = new(Type)

func productState(s string) Value {
	if strings.EqualFold(s, "published") {
		return Number(productStateType, 1)
	}
	return Number(productStateType, 0)
}

// bodyReaders make the types that As<T> can give of a body; families add theirs.
var bodyReaders = []func(t *Type) func(f *Frame, content []byte, contentType string) (Value, error){textBody, jsonBody, xmlBody}

// textBody gives string and byte[].
func textBody(t *Type) func(*Frame, []byte, string) (Value, error) {
	switch {
	case t == stringType:
		return func(f *Frame, content []byte, contentType string) (Value, error) {
			s, err := decodeBody(content, contentType)
			if err != nil {
				return Null, err
			}
			return String(s), f.Spend(len(s))
		}
	case t == bytesType():
		return func(f *Frame, content []byte, _ string) (Value, error) {
			return Bytes(slices.Clone(content)), f.Spend(len(content))
		}
	}
	return nil
}

func bodyAs(t []*Type) Func {
	var read func(*Frame, []byte, string) (Value, error)
	for _, of := range bodyReaders {
		if read = of(t[0]); read != nil {
			break
		}
	}
	name := t[0].String()
	return func(f *Frame, a []Value) (Value, error) {
		if read == nil {
			return Null, throw(dotnet.NotSupportedException, "The body of a message cannot be read as %s.", name)
		}
		b := a[0].ref.(*messageBody)
		content, err := b.body.Bytes(a[1].Bool())
		if err != nil {
			return Null, err
		}
		contentType := ""
		if v := b.headers.Get("Content-Type"); len(v) > 0 {
			contentType = v[0]
		}
		return read(f, content, contentType)
	}
}

func bodyAsForm(f *Frame, a []Value) (Value, error) {
	content, err := a[0].ref.(*messageBody).body.Bytes(a[1].Bool())
	if err != nil {
		return Null, err
	}
	listOf := instance(listType, stringType)
	d := newDict(instance(dictType, stringType, instance(ilistType, stringType)))
	for part := range strings.SplitSeq(string(content), "&") {
		if part == "" {
			continue
		}
		name, value, _ := strings.Cut(part, "=")
		k := String(unescapeQuery(name))
		old, ok, err := d.Get(f, k)
		if err != nil {
			return Null, err
		}
		if !ok {
			old = Value{&List{typ: listOf}, 0}
			if _, err := d.Put(f, k, old); err != nil {
				return Null, err
			}
		}
		l := old.ref.(*List)
		l.Items = append(l.Items, String(unescapeQuery(value)))
	}
	return Value{d, 0}, nil
}
