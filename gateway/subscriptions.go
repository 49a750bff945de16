package gateway

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"time"

	"github.com/coder/websocket"

	"gatehouse/gateway/graphql"
	"gatehouse/gateway/pipeline"
)

// dialect is how a sub-protocol calls what both have.
type dialect struct{ subscribe, unsubscribe, next string }

// dialects are the sub-protocols of GraphQL over WebSocket: that of the library graphql-ws, and the older one of
// subscriptions-transport-ws, which took that name for itself.
var dialects = map[string]dialect{
	transportWS:  {"subscribe", "complete", "next"},
	"graphql-ws": {"start", "stop", "data"},
}

const transportWS = "graphql-transport-ws"

// Why a connection is closed. The codes from 4400 on are those of graphql-transport-ws, and count for both.
var (
	closeDone         = websocket.CloseError{Code: websocket.StatusNormalClosure}
	closeGoing        = websocket.CloseError{Code: websocket.StatusGoingAway, Reason: "The gateway ends the connection"}
	closeChanged      = websocket.CloseError{Code: websocket.StatusServiceRestart, Reason: "The API has changed"}
	closeSlow         = websocket.CloseError{Code: websocket.StatusTryAgainLater, Reason: "Events come faster than they are taken"}
	closeMessage      = websocket.CloseError{Code: 4400, Reason: "Invalid message"}
	closeUnauthorized = websocket.CloseError{Code: 4401, Reason: "Subscribing comes after connection_ack"}
	closeForbidden    = websocket.CloseError{Code: 4403, Reason: "The call would be refused now"}
	closeDialect      = websocket.CloseError{Code: 4406, Reason: "Subprotocol not acceptable"}
	closeSilent       = websocket.CloseError{Code: 4408, Reason: "Connection initialisation timeout"}
	closeTwice        = websocket.CloseError{Code: 4409, Reason: "Subscriber already exists"}
	closeInit         = websocket.CloseError{Code: 4429, Reason: "Too many initialisation requests"}
)

// Bounds of a connection.
const (
	maxSubscriptions = 100
	maxWaiting       = 64 // events that it has not been told yet
	maxID            = 128
	sayTime          = 10 * time.Second // for one message to the client, and for the answer to a ping
	pulse            = 30 * time.Second // between pings, and between looks whether it may go on
)

// initTime is how long connection_init may take. Tests shorten it.
var initTime = 10 * time.Second

// socket is a connection on which a client subscribes. Its goroutine is that of its call; what others use says so.
type socket struct {
	g       *Gateway
	v       *Visit
	conn    *websocket.Conn
	dialect dialect
	ready   bool // connection_init came
	open    map[string]*subscription

	ctx   context.Context
	stop  context.CancelFunc // for others, too
	heard chan []byte        // messages of the client; nil for one that is no text
	queue chan event         // for others, too
	slow  chan struct{}      // something is in it when the queue was full
}

// subscription is one of a connection.
type subscription struct {
	*pipeline.Subscription
	id    string
	topic topic
	on    *socket
}

type event struct {
	to    *subscription
	value any
}

// message is one of either direction.
type message struct {
	ID      string          `json:"id,omitempty"`
	Type    string          `json:"type"`
	Payload json.RawMessage `json:"payload,omitempty"`
}

// offer puts an event into the queue of a connection, or has it closed. It is for any goroutine, and never waits.
func (s *subscription) offer(value any) {
	select {
	case s.on.queue <- event{s, value}:
	default:
		select {
		case s.on.slow <- struct{}{}:
		default:
		}
	}
}

// Close has the connection closed; io.Closer, for joined.
func (s *socket) Close() error {
	s.stop()
	return nil
}

// subscriptions serves a connection on which a client subscribes, to its end. Where it comes from is not asked: a browser's session
// counts in role checks alone, and they refuse handshakes of other sites.
func (g *Gateway) subscriptions(v *Visit, w http.ResponseWriter) {
	if !g.joined.begin() {
		panic(http.ErrAbortHandler)
	}
	v.joined = true
	for name, values := range v.Reply().Headers {
		w.Header()[name] = values
	}
	pipeline.RemoveHopByHop(w.Header())
	conn, err := websocket.Accept(w, v.asked, &websocket.AcceptOptions{Subprotocols: []string{transportWS, "graphql-ws"}, InsecureSkipVerify: true})
	if err != nil {
		g.Log.Debug("a connection cannot be switched", "error", err)
		v.NewResponse(http.StatusBadRequest, "")
		return
	}
	conn.SetReadLimit(graphql.MaxSize + 4<<10)
	s := &socket{g: g, v: v, conn: conn, open: map[string]*subscription{}, heard: make(chan []byte), queue: make(chan event, maxWaiting), slow: make(chan struct{}, 1)}
	s.ctx, s.stop = context.WithCancel(v.HTTP.Context())
	v.HTTP = v.HTTP.WithContext(s.ctx)
	g.joined.add(s)
	go s.read()
	go s.ping()
	defer s.end()
	why := s.run()
	_ = conn.Close(why.Code, why.Reason)
}

// end leaves nothing behind.
func (s *socket) end() {
	s.g.joined.remove(s)
	s.stop()
	for _, one := range s.open {
		s.g.events.remove(one)
	}
	_ = s.conn.CloseNow()
	for data := range s.heard { // until the reader has ended
		s.v.Traffic.Received += int64(len(data))
	}
}

// read hands on what the client says; it runs beside the others.
func (s *socket) read() {
	defer close(s.heard)
	for {
		kind, data, err := s.conn.Read(context.Background())
		if err != nil {
			return
		}
		if kind != websocket.MessageText {
			data = nil
		}
		s.heard <- data
	}
}

// ping ends the connection when the client is not there any more; it runs beside the others.
func (s *socket) ping() {
	tick := time.NewTicker(pulse)
	defer tick.Stop()
	for {
		select {
		case <-s.ctx.Done():
			return
		case <-tick.C:
		}
		ctx, cancel := context.WithTimeout(s.ctx, sayTime)
		err := s.conn.Ping(ctx)
		if cancel(); err != nil {
			s.stop()
			return
		}
	}
}

// run serves the connection until there is a reason to close it.
func (s *socket) run() websocket.CloseError {
	var known bool
	if s.dialect, known = dialects[s.conn.Subprotocol()]; !known {
		return closeDialect
	}
	silent, life, look := time.NewTimer(initTime), time.NewTimer(s.g.Life), time.NewTicker(pulse)
	defer silent.Stop()
	defer life.Stop()
	defer look.Stop()
	for {
		var err error
		select {
		case <-s.ctx.Done():
			err = closeGoing
		case <-life.C:
			err = closeGoing
		case <-s.slow:
			err = closeSlow
		case <-silent.C:
			if !s.ready {
				err = closeSilent
			}
		case <-look.C:
			err = s.g.still(s.v)
		case data, more := <-s.heard:
			if err = closeDone; more {
				err = s.hear(data)
			}
		case e := <-s.queue:
			err = s.tell(e)
		}
		var why websocket.CloseError
		if errors.As(err, &why) {
			return why
		}
		if err != nil { // the client does not listen
			return closeGoing
		}
	}
}

// say sends a message.
func (s *socket) say(m message) error {
	data, err := json.Marshal(m)
	if err != nil {
		return err
	}
	s.v.Traffic.Sent += int64(len(data))
	ctx, cancel := context.WithTimeout(context.Background(), sayTime)
	defer cancel()
	return s.conn.Write(ctx, websocket.MessageText, data)
}

// hear does what a message of the client asks for.
func (s *socket) hear(data []byte) error {
	s.v.Traffic.Received += int64(len(data))
	var m message
	if err := json.Unmarshal(data, &m); err != nil {
		return closeMessage
	}
	newer := s.dialect.next == "next"
	switch {
	case m.Type == "connection_init" && s.ready:
		return closeInit
	case m.Type == "connection_init":
		s.ready = true
		return s.say(message{Type: "connection_ack"})
	case m.Type == s.dialect.subscribe && !s.ready:
		return closeUnauthorized
	case m.Type == s.dialect.subscribe:
		return s.subscribe(m)
	case m.Type == s.dialect.unsubscribe:
		s.unsubscribe(m.ID)
		return nil
	case m.Type == "ping" && newer:
		return s.say(message{Type: "pong"})
	case m.Type == "pong" && newer:
		return nil
	case m.Type == "connection_terminate" && !newer:
		return closeDone
	}
	return closeMessage
}

func (s *socket) subscribe(m message) error {
	switch {
	case m.ID == "" || len(m.ID) > maxID:
		return closeMessage
	case s.open[m.ID] != nil:
		return closeTwice
	case len(s.open) >= maxSubscriptions:
		return s.refuse(m.ID, graphql.Errors{{Message: "The connection has too many subscriptions."}})
	}
	if err := s.g.still(s.v); err != nil {
		return err
	}
	checked, err := s.v.Subscribe(m.Payload)
	if err != nil {
		return s.refuse(m.ID, err)
	}
	one := &subscription{checked, m.ID, topicOf(s.v.Plan, s.v.api, checked.Field), s}
	s.open[m.ID] = one
	s.g.events.add(one)
	return nil
}

// refuse tells what is wrong with a subscription: all of it, or in the older dialect the first.
func (s *socket) refuse(id string, err error) error {
	list := graphql.Errors{{Message: "The request was refused."}}
	_ = errors.As(err, &list)
	var shown any = []graphql.Error(list)
	if s.dialect.next == "data" {
		shown = list[0]
	}
	payload, err := json.Marshal(shown)
	if err != nil {
		return err
	}
	return s.say(message{ID: id, Type: "error", Payload: payload})
}

func (s *socket) unsubscribe(id string) {
	if one := s.open[id]; one != nil {
		s.g.events.remove(one)
		delete(s.open, id)
	}
}

// tell tells the client of an event, when it still may hear of it.
func (s *socket) tell(e event) error {
	if s.open[e.to.id] != e.to { // it was ended meanwhile
		return nil
	}
	if err := s.g.still(s.v); err != nil {
		return err
	}
	return s.say(message{ID: e.to.id, Type: s.dialect.next, Payload: s.v.Event(e.to.Subscription, e.value)})
}

// still reports why a connection may not go on: its handshake would be refused now, by its key or by a role check, or would
// meet another API or other policies than it did. Then the client has to begin anew, under what counts now.
func (g *Gateway) still(v *Visit) error {
	r := v.asked.Clone(v.HTTP.Context())
	r.Body = http.NoBody
	p := g.Plan(r.Host)
	if p == nil {
		return closeForbidden
	}
	now := visits.Get().(*Visit)
	now.Call, now.Plan, now.start, now.Again = pipeline.NewCall(p.services), p, g.Clock(), true
	defer now.done()
	if g.Begin != nil {
		now.HTTP = r
		g.Begin(now)
	}
	g.begin(now, r)
	if f := g.place(now, r); f != nil || now.Operation == nil {
		return closeForbidden
	}
	if f := g.admit(now, r); f != nil {
		return closeForbidden
	}
	if now.api != v.api || !slices.Equal(now.Chain, v.Chain) {
		return closeChanged
	}
	return nil
}
