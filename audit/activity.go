package audit

import (
	"bytes"
	"context"
	"encoding/json"
	"iter"
	"net/http"
	"strconv"
	"strings"
	"time"

	"gatehouse"
	"gatehouse/store"
)

// Text is a value with its wording, as the activity log has them.
type Text struct {
	Value     string `json:"value"`
	Localized string `json:"localizedValue"`
}

// Event is one entry of the activity log, in the shape that az reads (rbac.md 11,
// clients.md 7). The names are camel case; az skips events that have none in lower case.
type Event struct {
	Authorization        Authorization     `json:"authorization"`
	Caller               string            `json:"caller"`
	Channels             string            `json:"channels"`
	Claims               map[string]string `json:"claims"`
	CorrelationID        string            `json:"correlationId"`
	Description          string            `json:"description"`
	EventDataID          string            `json:"eventDataId"`
	EventName            Text              `json:"eventName"`
	Category             Text              `json:"category"`
	EventTimestamp       string            `json:"eventTimestamp"`
	ID                   string            `json:"id"`
	Level                string            `json:"level"`
	OperationID          string            `json:"operationId"`
	OperationName        Text              `json:"operationName"`
	HTTPRequest          HTTPRequest       `json:"httpRequest"`
	ResourceGroupName    string            `json:"resourceGroupName"`
	ResourceProviderName Text              `json:"resourceProviderName"`
	ResourceType         Text              `json:"resourceType"`
	ResourceID           string            `json:"resourceId"`
	Status               Text              `json:"status"`
	SubStatus            Text              `json:"subStatus"`
	SubmissionTimestamp  string            `json:"submissionTimestamp"`
	SubscriptionID       string            `json:"subscriptionId"`
	TenantID             string            `json:"tenantId"`
	Properties           map[string]string `json:"properties"`
}

// Authorization is what was asked for and what granted it.
type Authorization struct {
	Action string `json:"action"`
	Scope  string `json:"scope"`
	Role   string `json:"role,omitempty"` // the role definition that allowed it, by name
}

// HTTPRequest is where the request came from.
type HTTPRequest struct {
	ClientRequestID string `json:"clientRequestId"`
	ClientIPAddress string `json:"clientIpAddress"`
	Method          string `json:"method"`
}

// Log shows the change log as the activity log of a tenant.
type Log struct {
	Store  *store.Store
	Tenant string
	// Name words an operation for people, for example "Create role assignment"; nil repeats the action.
	Name func(action string) string
}

// Events yields the events at a scope and below that f selects, newest first:
// for every request that changed, did or was refused something, the event of its
// end and then that of its begin, both with the same operation and correlation ID.
func (l *Log) Events(ctx context.Context, under gatehouse.Scope, f Filter) iter.Seq2[Event, error] {
	return func(yield func(Event, error) bool) {
		changes, err := l.Store.Changes(ctx, f.query(under))
		if err != nil {
			yield(Event{}, err)
			return
		}
		for act, err := range acts(changes) {
			if err != nil {
				yield(Event{}, err)
				return
			}
			for _, e := range l.Pair(act) {
				if f.match(&e) && !yield(e, nil) {
					return
				}
			}
		}
	}
}

// acts yields one change for each request: a request may write several documents,
// one after the other, and the one it named stands for all. Changes come newest first.
func acts(changes iter.Seq2[gatehouse.Change, error]) iter.Seq2[gatehouse.Change, error] {
	return func(yield func(gatehouse.Change, error) bool) {
		var best *gatehouse.Change
		for c, err := range changes {
			if err != nil {
				yield(c, err)
				return
			}
			if !shown(&c) {
				continue
			}
			if best != nil && !sameAct(best, &c) {
				if !yield(*best, nil) {
					return
				}
				best = nil
			}
			best = better(best, &c)
		}
		if best != nil {
			yield(*best, nil)
		}
	}
}

func sameAct(a, b *gatehouse.Change) bool {
	return a.Cause.Operation == b.Cause.Operation && a.Cause.Action == b.Cause.Action && a.Cause.Scope == b.Cause.Scope &&
		(a.Kind == gatehouse.Refused) == (b.Kind == gatehouse.Refused)
}

// better joins an earlier change of the same request to what stands for the request so far.
func better(best, earlier *gatehouse.Change) *gatehouse.Change {
	switch {
	case best == nil || !named(best) && (named(earlier) || best.Kind == gatehouse.Event):
		return earlier
	case named(best) && named(earlier): // written twice: from the first "before" to the last "after"
		best.Before, best.Status = earlier.Before, earlier.Status
	}
	return best
}

// named reports whether the change is of the document that the request named.
func named(c *gatehouse.Change) bool {
	return gatehouse.Fold(c.Resource) == gatehouse.Fold(c.Cause.Scope)
}

// shown reports whether the activity log has c: what Resource Manager changed, did or refused,
// no directory object, no sign-in, no refused reading (Azure logs no reading).
func shown(c *gatehouse.Change) bool {
	switch c.Kind {
	case gatehouse.Write, gatehouse.Delete, gatehouse.Event:
	case gatehouse.Refused:
		if strings.HasSuffix(gatehouse.Fold(c.Cause.Action), "/read") {
			return false
		}
	default:
		return false
	}
	action, id := gatehouse.Fold(c.Cause.Action), gatehouse.Fold(resource(c))
	return action != "" && id != "" && !strings.HasPrefix(action, "microsoft.graph/") && !strings.HasPrefix(action, "gatehouse/") &&
		!strings.HasPrefix(id, "/providers/microsoft.graph/")
}

func resource(c *gatehouse.Change) string {
	if c.Resource != "" {
		return c.Resource
	}
	return c.Cause.Scope
}

// Pair returns the end and begin events of one change, none when the activity log does not show it.
func (l *Log) Pair(c gatehouse.Change) []Event {
	if !shown(&c) {
		return nil
	}
	end, begin := l.event(&c, "EndRequest", "End request"), l.event(&c, "BeginRequest", "Begin request")
	begin.Status, begin.SubStatus = same("Started"), Text{}
	begin.Level = "Informational"
	if request := requestBody(&c); request != nil {
		begin.Properties["requestbody"] = string(request) // all lower case, as az reads it
	}
	end.Properties["serviceRequestId"] = c.Cause.Operation
	end.Properties["statusCode"] = statusWord(status(&c))
	if answer := responseBody(&c); answer != nil {
		end.Properties["responseBody"] = string(answer)
	}
	return []Event{end, begin}
}

func (l *Log) event(c *gatehouse.Change, name, localized string) Event {
	id, _ := gatehouse.ParseID(resource(c)) // a malformed one was refused and is shown as the root
	code := status(c)
	data := gatehouse.NameGUID(gatehouse.GUID{}, c.Hash+name).String() // the same on every reading
	e := Event{
		Authorization: l.authorization(c), Caller: caller(&c.Cause.Caller), Channels: "Operation", Claims: l.claims(&c.Cause.Caller),
		CorrelationID: c.Cause.Correlation, EventDataID: data, EventName: Text{name, localized}, Category: same("Administrative"),
		EventTimestamp: gatehouse.Timestamp(c.Time), ID: strings.TrimSuffix(id.String(), "/") + "/events/" + data + "/ticks/" + ticks(c.Time),
		Level: "Informational", OperationID: c.Cause.Operation, OperationName: Text{c.Cause.Action, l.name(c.Cause.Action)},
		HTTPRequest: HTTPRequest{c.Cause.ClientReq, c.Cause.Caller.Address, c.Cause.Method}, ResourceID: resource(c),
		Status: same("Succeeded"), SubStatus: Text{statusWord(code), http.StatusText(code) + " (HTTP Status Code: " + strconv.Itoa(code) + ")"},
		SubmissionTimestamp: gatehouse.Timestamp(c.Time), TenantID: l.Tenant,
	}
	if c.Kind == gatehouse.Refused || code >= 400 {
		e.Status, e.Level = same("Failed"), "Error"
	}
	l.place(&e, c, id)
	return e
}

// place fills the members that come from the resource ID.
func (l *Log) place(e *Event, c *gatehouse.Change, id gatehouse.ID) {
	kind := c.Type
	if kind == "" {
		kind = id.Type()
	}
	namespace, _, _ := strings.Cut(kind, "/")
	e.ResourceType, e.ResourceProviderName = same(kind), same(namespace)
	hierarchy := l.Tenant
	asked, _ := gatehouse.ParseID(c.Cause.Scope) // a tenant-wide object may be written through a subscription
	for _, place := range []gatehouse.ID{asked, id} {
		segments := strings.Split(place.String(), "/")
		if len(segments) > 2 && segments[1] == "subscriptions" {
			e.SubscriptionID = segments[2]
		}
		if len(segments) > 4 && segments[3] == "resourceGroups" {
			e.ResourceGroupName = segments[4]
		}
	}
	if e.SubscriptionID != "" {
		hierarchy += "/" + e.SubscriptionID
	}
	e.Properties = map[string]string{"eventCategory": "Administrative", "entity": resource(c), "message": c.Cause.Action, "hierarchy": hierarchy}
}

func (l *Log) authorization(c *gatehouse.Change) Authorization {
	a := Authorization{Action: c.Cause.Action, Scope: c.Cause.Scope}
	if c.Cause.Decision != nil {
		a.Role = c.Cause.Decision.Role
	}
	return a
}

func (l *Log) name(action string) string {
	if l.Name == nil {
		return action
	}
	return l.Name(action)
}

// caller is the user principal name of a user, the object ID of anything else (rbac.md 11).
func caller(c *gatehouse.Caller) string {
	if c.Type == gatehouse.User && c.Name != "" {
		return c.Name
	}
	if c.ID.IsZero() {
		return c.Name
	}
	return c.ID.String()
}

// claims are those of the token, under the names that Azure's log gives them.
func (l *Log) claims(c *gatehouse.Caller) map[string]string {
	m := map[string]string{"http://schemas.microsoft.com/identity/claims/tenantid": l.Tenant, "ver": "1.0"}
	set := func(name, value string) {
		if value != "" {
			m[name] = value
		}
	}
	if !c.ID.IsZero() {
		set("http://schemas.microsoft.com/identity/claims/objectidentifier", c.ID.String())
	}
	if c.Type == gatehouse.User {
		set("http://schemas.xmlsoap.org/ws/2005/05/identity/claims/upn", c.Name)
		set("http://schemas.xmlsoap.org/ws/2005/05/identity/claims/name", c.Name)
	}
	set("appid", c.AppID)
	set("ipaddr", c.Address)
	set("uti", c.TokenID)
	set("http://schemas.microsoft.com/claims/authnmethodsreferences", c.Method)
	set("http://schemas.microsoft.com/identity/claims/scope", strings.Join(c.Scopes, " "))
	set("iat", epoch(c.IssuedAt))
	set("nbf", epoch(c.IssuedAt))
	set("exp", epoch(c.ExpiresAt))
	return m
}

func epoch(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return strconv.FormatInt(t.Unix(), 10)
}

// status is what the caller was answered, inferred where the change does not say.
func status(c *gatehouse.Change) int {
	switch {
	case c.Status != 0:
		return c.Status
	case c.Kind == gatehouse.Refused:
		return http.StatusForbidden
	case c.Kind == gatehouse.Write && c.Before == nil:
		return http.StatusCreated
	}
	return http.StatusOK
}

// requestBody is what the client sent, and for a PUT whose request was not kept, what it made.
func requestBody(c *gatehouse.Change) []byte {
	if c.Cause.Request == nil && c.Cause.Method == http.MethodPut {
		return c.After
	}
	return compact(c.Cause.Request)
}

// responseBody is the document as it was answered: written, or before it was deleted.
func responseBody(c *gatehouse.Change) []byte {
	body := c.After
	if c.Kind == gatehouse.Delete {
		body = c.Before
	}
	id, err := gatehouse.ParseID(c.Resource)
	if body == nil || err != nil {
		return nil
	}
	var members map[string]json.RawMessage
	if json.Unmarshal(body, &members) != nil {
		return nil
	}
	members["id"], members["name"], members["type"] = quote(c.Resource), quote(id.Name()), quote(c.Type)
	addScope(members, id, c.Type)
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if e.Encode(members) != nil {
		return nil
	}
	return bytes.TrimSpace(b.Bytes())
}

// addScope gives role and deny assignments the member that follows from their ID;
// az reads it of the event that ends a deletion (clients.md 7).
func addScope(members map[string]json.RawMessage, id gatehouse.ID, kind string) {
	switch gatehouse.Fold(kind) {
	case "microsoft.authorization/roleassignments", "microsoft.authorization/denyassignments":
	default:
		return
	}
	var properties map[string]json.RawMessage
	if json.Unmarshal(members["properties"], &properties) != nil || properties["scope"] != nil {
		return
	}
	properties["scope"] = quote(id.Parent().String())
	if b, err := json.Marshal(properties); err == nil {
		members["properties"] = b
	}
}

func compact(b []byte) []byte {
	if b == nil {
		return nil
	}
	var out bytes.Buffer
	if json.Compact(&out, b) != nil {
		return b
	}
	return out.Bytes()
}

func quote(s string) []byte {
	b, _ := json.Marshal(s) // a string always encodes
	return b
}

func same(s string) Text { return Text{s, s} }

// statusWord is the name of a status without blanks, as in NoContent.
func statusWord(code int) string { return strings.ReplaceAll(http.StatusText(code), " ", "") }

// ticks counts a moment in units of 100 ns since the year 1, as .NET does.
func ticks(t time.Time) string {
	const unixEpoch = 621355968000000000
	return strconv.FormatInt(unixEpoch+t.UnixMicro()*10, 10)
}
