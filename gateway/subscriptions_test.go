package gateway

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/coder/websocket"

	"gatehouse/gateway/config"
	"gatehouse/gateway/pipeline"
)

// newMail is a synthetic API with the mutation send, which is published to sent, asks the key K, and removes the field secret.
func newMail(t *testing.T) *mail {
	backend := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, `{"id":7,"text":"hello","secret":"s"}`)
	}))
	t.Cleanup(backend.Close)
	resolver := func(name, path, response string) []config.Entity {
		return []config.Entity{entity("/apis/g/resolvers/"+name, &config.Resolver{Path: path}), entity("/apis/g/resolvers/"+name+"/policies/policy", &config.Policy{Format: "rawxml",
			Value: `<http-data-source><http-request><set-method>GET</set-method><set-url>` + backend.URL + `</set-url></http-request><http-response>` + response + `</http-response></http-data-source>`})}
	}
	const publish = `<publish-event><targets><graphql-subscription id="sent" /></targets></publish-event>`
	entities := []config.Entity{newAPI("g", "graph", "", func(a *config.API) { a.Type, a.SubscriptionRequired = "graphql", true }),
		entity("/apis/g/schemas/graphql", &config.Schema{ContentType: "application/vnd.ms-azure-apim.graphql.schema", Text: `
			type Query { me: Mail }  type Mutation { send(text: String): Mail }
			type Mail { id: ID! text: String secret: String copy: Mail }
			type Subscription { sent(to: String): Mail  other: Mail }`}),
		newPolicy("/apis/g", `<inbound><base /><cache-lookup vary-by-developer="false" vary-by-developer-groups="false" /><validate-graphql-request max-size="2000" max-depth="3"><authorize><rule path="/Mail/secret" action="remove" /><rule path="/Subscription/other" action="reject" /></authorize></validate-graphql-request></inbound><backend><base /></backend><outbound><base /><cache-store duration="60" cache-response="true" /></outbound>`),
		key("K", "active")}
	entities = append(entities, resolver("send", "Mutation/send", publish)...)
	return &mail{site: newSite(t, append(entities, resolver("copy", "Mail/copy", publish)...)...)}
}

type mail struct {
	*site
	refused atomic.Bool // by the role check, where a test has one
}

func key(value, state string) *config.Subscription {
	return entity("/subscriptions/one", &config.Subscription{Primary: value, State: state, AllAccess: true})
}

type client struct {
	*testing.T
	*websocket.Conn
}

// dial opens a connection; the handshake is of the sub-protocol given.
func (s *mail) dial(t *testing.T, protocol string) client {
	t.Helper()
	conn, _, err := websocket.Dial(t.Context(), s.at.URL+"/graph", &websocket.DialOptions{Subprotocols: []string{protocol}, HTTPHeader: http.Header{"Ocp-Apim-Subscription-Key": {"K"}}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.CloseNow() })
	return client{t, conn}
}

func (c client) say(text string) {
	c.Helper()
	if err := c.Write(c.Context(), websocket.MessageText, []byte(text)); err != nil {
		c.Fatal(err)
	}
}

// hears waits for a message that holds a text.
func (c client) hears(text string) {
	c.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if _, got, err := c.Read(ctx); err != nil || !strings.Contains(string(got), text) {
		c.Fatalf("%s, %v; wanted %s", got, err, text)
	}
}

// closed reads to the end, and wants a code there.
func (c client) closed(code int) {
	c.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	for {
		_, _, err := c.Read(ctx)
		if err == nil {
			continue
		}
		if got := websocket.CloseStatus(err); int(got) != code {
			c.Errorf("closed with %d, wanted %d: %v", got, code, err)
		}
		return
	}
}

// begun is a connection with a subscription a.
func (s *mail) begun(t *testing.T) client {
	t.Helper()
	c := s.dial(t, "graphql-transport-ws")
	c.say(`{"type":"connection_init"}`)
	c.hears(`{"type":"connection_ack"}`)
	c.say(`{"id":"a","type":"subscribe","payload":{"query":"subscription{sent{id}}"}}`)
	c.settled()
	return c
}

// settled waits until what was said has been heard.
func (c client) settled() {
	c.Helper()
	c.say(`{"type":"ping"}`)
	c.hears(`{"type":"pong"}`)
}

func (s *mail) send(t *testing.T) {
	t.Helper()
	r, _ := http.NewRequestWithContext(t.Context(), "POST", s.at.URL+"/graph?subscription-key=K", strings.NewReader(`{"query":"mutation{send{id}}"}`))
	r.Header.Set("Content-Type", "application/json")
	answer, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	if answer.Body.Close(); answer.StatusCode != 200 {
		t.Fatal(answer.Status)
	}
}

// TestSubscriptions: what a mutation publishes reaches subscribers in both dialects, in what they selected, and no field that a
// rule removes; a resolver below an event publishes nothing again.
func TestSubscriptions(t *testing.T) {
	s := newMail(t)
	newer, older := s.dial(t, "graphql-transport-ws"), s.dial(t, "graphql-ws")
	newer.say(`{"type":"connection_init","payload":{}}`)
	newer.hears(`{"type":"connection_ack"}`)
	newer.say(`{"id":"1","type":"subscribe","payload":{"query":"subscription($to:String){mine:sent(to:$to){id secret copy{text}}}","variables":{"to":"me"}}}`)
	newer.settled()
	older.say(`{"type":"connection_init"}`)
	older.hears(`{"type":"connection_ack"}`)
	older.say(`{"id":"2","type":"start","payload":{"query":"{me{id}}"}}`)
	older.hears(`{"id":"2","type":"error","payload":{"message":"Only subscriptions`)
	older.say(`{"id":"2","type":"start","payload":{"query":"subscription{sent{text}}"}}`)
	older.say(`{"id":"3","type":"start","payload":{"query":"subscription{other{text}}"}}`)
	older.hears(`Access to the field 'other'`)
	s.send(t)
	newer.hears(`{"id":"1","type":"next","payload":{"data":{"mine":{"id":"7","copy":{"text":"hello"}}},"errors":[{"message":"Access to the field 'secret'`)
	older.hears(`{"id":"2","type":"data","payload":{"data":{"sent":{"text":"hello"}}}}`)
	newer.say(`{"id":"1","type":"complete"}`)
	newer.settled()
	s.send(t)
	older.hears(`"id":"2"`)
	newer.settled() // and nothing before
	older.say(`{"id":"2","type":"stop"}`)
	older.say(`{"type":"connection_terminate"}`)
	older.closed(1000)
	_ = newer.Close(websocket.StatusNormalClosure, "")
	s.g.HangUp()
	if left := len(s.g.events.all); left > 0 {
		t.Errorf("%d topics are left", left)
	}
}

// TestSubscriptionsEnd: a key or a role that does not count any more, and other policies than those that the handshake met, end a connection
// before it hears of the next event; so does a gateway that hangs up.
func TestSubscriptionsEnd(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*mail)
		code   int
	}{
		"key":     {func(s *mail) { s.put(key("K", "suspended")) }, 4403},
		"role":    {func(s *mail) { s.refused.Store(true) }, 4403},
		"deleted": {func(s *mail) { s.remove("/apis/g") }, 4403},
		"policy":  {func(s *mail) { s.put(newPolicy("/apis/g", `<inbound><base /></inbound><backend><base /></backend>`)) }, 1012},
		"drain":   {func(s *mail) { s.g.HangUp() }, 1001},
	} {
		t.Run(name, func(t *testing.T) {
			s := newMail(t)
			s.g.Admit = func(*Visit) *pipeline.Failure {
				if s.refused.Load() {
					return &pipeline.Failure{Status: http.StatusForbidden}
				}
				return nil
			}
			conn := s.begun(t)
			api := s.g.Plan("contoso").apis["/apis/g"]
			publish := s.g.events.publisher(s.g.Plan("contoso"), api)
			over := make(chan bool)
			go func() {
				defer close(over)
				c.change(s)
				publish("sent", map[string]any{"id": "1"})
			}()
			conn.closed(c.code)
			<-over
		})
	}
}

// TestSubscriptionsMessages: what does not fit the protocol ends the connection with its code.
func TestSubscriptionsMessages(t *testing.T) {
	s := newMail(t)
	const begin, sub = `{"type":"connection_init"}`, `{"id":"a","type":"subscribe","payload":{"query":"subscription{sent{id}}"}}`
	for _, c := range []struct {
		said []string
		code int
	}{
		{[]string{"no JSON"}, 4400}, {[]string{`{"type":"start"}`}, 4400}, {[]string{sub}, 4401}, {[]string{begin, begin}, 4429},
		{[]string{begin, sub, sub}, 4409}, {[]string{begin, `{"type":"subscribe","payload":{}}`}, 4400}, {[]string{strings.Repeat(" ", 200<<10)}, 1009},
	} {
		conn := s.dial(t, "graphql-transport-ws")
		for _, text := range c.said {
			_ = conn.Write(t.Context(), websocket.MessageText, []byte(text))
		}
		conn.closed(c.code)
	}
	s.dial(t, "mqtt").closed(4406)
	usual := initTime
	initTime = 50 * time.Millisecond
	s.dial(t, "graphql-ws").closed(4408)
	initTime = usual
	conn := s.begun(t)
	for i := range maxSubscriptions - 1 {
		conn.say(fmt.Sprintf(`{"id":"%d","type":"subscribe","payload":{"query":"subscription{sent{id}}"}}`, i))
	}
	conn.say(`{"id":"more","type":"subscribe","payload":{"query":"subscription{sent{id}}"}}`)
	conn.hears(`{"id":"more","type":"error","payload":[{"message":"The connection has too many subscriptions."}]}`)
	for query, why := range map[string]string{"subscription{sent{copy{copy{id}}}}": "deeper than 3", "subscription{sent{id} b:sent{id}}": "one", "mutation{send{id}}": "Only subscriptions", "subscription{none}": "none"} {
		conn.say(`{"id":"more","type":"complete"}`)
		conn.say(`{"id":"0","type":"complete"}`)
		conn.say(`{"id":"bad","type":"subscribe","payload":{"query":"` + query + `"}}`)
		conn.hears(why)
	}
	s.want("GET /graph", 401, "missing subscription key", "Connection", "Upgrade", "Upgrade", "websocket")
	s.want("GET /graph", 400, "Sec-WebSocket-Key", "Connection", "Upgrade", "Upgrade", "websocket", "Sec-WebSocket-Version", "13", "Ocp-Apim-Subscription-Key", "K")
}

// TestSubscriptionsSlow: a connection whose events come faster than it takes them is closed, and holds nobody up.
func TestSubscriptionsSlow(t *testing.T) {
	s := newMail(t)
	conn := s.begun(t)
	publish := s.g.events.publisher(s.g.Plan("contoso"), s.g.Plan("contoso").apis["/apis/g"])
	for range 50 * maxWaiting {
		publish("sent", map[string]any{"id": "1"})
	}
	conn.closed(1013)
}
