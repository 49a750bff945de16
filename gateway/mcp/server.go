package mcp

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"runtime/debug"
	"slices"
	"strings"
	"unicode/utf8"

	sdk "github.com/modelcontextprotocol/go-sdk/mcp"
)

// deepest is how many tools may call each other (gateway.md 16).
const deepest = 5

// depth counts calls of tools within calls of tools, in their contexts.
type depth struct{}

// ServeHTTP answers a request that the gateway has led to /{service}{API}/mcp after the policies of the API.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	path, found := strings.CutSuffix(r.URL.Path, "/mcp")
	service, key, ok := strings.Cut(strings.TrimPrefix(path, "/"), "/")
	if !found || !ok {
		http.Error(w, "This MCP server is at /mcp and speaks streamable HTTP.", http.StatusNotFound)
		return
	}
	tools := s.tools(service, "/"+key)
	if tools == nil {
		http.Error(w, "There is no such MCP server.", http.StatusNotFound)
		return
	}
	level, _ := r.Context().Value(depth{}).(int)
	if level >= deepest {
		http.Error(w, "Tools call each other too deeply.", http.StatusLoopDetected)
		return
	}
	// The handler is made for the request: tools have to know who calls, and nothing is kept between requests.
	sdk.NewStreamableHTTPHandler(func(*http.Request) *sdk.Server { return s.offer(tools, r) },
		&sdk.StreamableHTTPOptions{Stateless: true, JSONResponse: true, DisableLocalhostProtection: true, MaxRequestBodyBytes: mostBody}).ServeHTTP(w, r)
}

// The bounds of what goes to and comes from tools.
const (
	mostBody   = 4 << 20
	mostAnswer = 4 << 20
)

// offer makes a server with the tools of an API, called by whoever sent r.
func (s *Server) offer(list *offered, r *http.Request) *sdk.Server {
	server := sdk.NewServer(&sdk.Implementation{Name: list.name, Version: list.version}, nil)
	for i := range list.tools {
		t := &list.tools[i]
		server.AddTool(&sdk.Tool{Name: t.name, Title: t.title, Description: t.description, InputSchema: t.schema, Annotations: &sdk.ToolAnnotations{ReadOnlyHint: t.method == http.MethodGet}},
			func(ctx context.Context, q *sdk.CallToolRequest) (*sdk.CallToolResult, error) {
				return s.call(ctx, t, q.Params.Arguments, r)
			})
	}
	return server
}

// call calls an operation for a tool.
func (s *Server) call(ctx context.Context, t *tool, arguments json.RawMessage, by *http.Request) (*sdk.CallToolResult, error) {
	in, err := t.request(arguments)
	if err != nil {
		return failed(err.Error()), nil
	}
	level, _ := by.Context().Value(depth{}).(int)
	in = in.WithContext(context.WithValue(by.Context(), depth{}, level+1))
	lend(in, by)
	w := &recorder{header: http.Header{}}
	if err := serve(s.gateway(), w, in); err != nil {
		return failed("The answer broke off."), nil
	}
	if w.WriteHeader(http.StatusOK); in.Context().Err() != nil {
		return failed("The caller has gone."), nil
	}
	return result(w), nil
}

// serve keeps a call that breaks off from ending more than itself: the library answers messages beside the connection, where
// nobody catches a panic.
func serve(h http.Handler, w http.ResponseWriter, r *http.Request) (err error) {
	defer func() {
		if broken := recover(); broken != nil {
			err = http.ErrAbortHandler
			if broken != http.ErrAbortHandler {
				slog.Error("the call of a tool ended with a panic", "panic", fmt.Sprint(broken), "stack", string(debug.Stack()))
			}
		}
	}()
	h.ServeHTTP(w, r)
	return nil
}

// own are headers that belong to the message of the protocol, and not to the call of the operation.
var own = []string{"Accept", "Accept-Encoding", "Content-Type", "Content-Length", "Content-Encoding", "Host", "Mcp-Session-Id", "Mcp-Protocol-Version", "Last-Event-Id", "Origin", "Te", "Connection", "Upgrade", "X-Forwarded-For"}

// lend gives a call what says who makes it: the headers, and the address of the client, which the gateway put last.
func lend(in, by *http.Request) {
	for name, values := range by.Header {
		if in.Header[name] == nil && !slices.Contains(own, name) && !strings.HasPrefix(name, "X-Gatehouse-") && !strings.HasPrefix(name, "Mcp-") {
			in.Header[name] = slices.Clone(values)
		}
	}
	hops := strings.Split(strings.Join(by.Header["X-Forwarded-For"], ","), ",")
	last := strings.TrimSpace(hops[len(hops)-1])
	if last == "" {
		last = "0.0.0.0" // nobody's
	}
	in.RemoteAddr = net.JoinHostPort(last, "0")
	if before := hops[:len(hops)-1]; len(before) > 0 {
		in.Header["X-Forwarded-For"] = []string{strings.Join(before, ",")}
	}
}

// recorder is a ResponseWriter that keeps as much of an answer as a tool may give.
type recorder struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (w *recorder) Header() http.Header { return w.header }

func (w *recorder) WriteHeader(status int) {
	if w.status == 0 {
		w.status = status
	}
}

func (w *recorder) Write(b []byte) (int, error) {
	w.WriteHeader(http.StatusOK)
	if w.body.Len()+len(b) > mostAnswer {
		return 0, errors.New("the answer is too long for a tool")
	}
	return w.body.Write(b)
}

func failed(text string) *sdk.CallToolResult {
	return &sdk.CallToolResult{IsError: true, Content: []sdk.Content{&sdk.TextContent{Text: text}}}
}

// result is an answer as tools give it: its text, or what it is when it is none.
func result(w *recorder) *sdk.CallToolResult {
	body, status := w.body.Bytes(), w.status
	text := string(body)
	if !utf8.Valid(body) {
		text = fmt.Sprintf("%d bytes of %s", len(body), w.header.Get("Content-Type"))
	}
	out := &sdk.CallToolResult{IsError: status >= 400, Content: []sdk.Content{&sdk.TextContent{Text: text}}}
	if out.IsError {
		out.Content = append([]sdk.Content{&sdk.TextContent{Text: fmt.Sprintf("The API answered with status %d.", status)}}, out.Content...)
	}
	return out
}

// request makes the call of an operation out of the arguments of its tool.
func (t *tool) request(raw json.RawMessage) (*http.Request, error) {
	arguments := map[string]json.RawMessage{}
	if len(raw) > 0 {
		if err := json.Unmarshal(raw, &arguments); err != nil {
			return nil, errors.New("the arguments are no JSON object")
		}
	}
	path, query := t.path, url.Values{}
	for name, value := range t.query {
		query.Set(name, value)
	}
	in := &http.Request{Method: t.method, Host: t.host, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Header: http.Header{}, Body: http.NoBody, TLS: &tls.ConnectionState{}}
	for name, value := range t.header {
		in.Header.Set(name, value)
	}
	for i := range t.inputs {
		p := &t.inputs[i]
		value, given := arguments[p.as]
		delete(arguments, p.as)
		if !given || string(value) == "null" {
			if p.required {
				return nil, fmt.Errorf("the argument %q is missing", p.as)
			}
			if p.where == inPath {
				path = strings.NewReplacer("{"+p.name+"}", "", "{*"+p.name+"}", "").Replace(path)
			}
			continue
		}
		text := plain(value)
		switch p.where {
		case inPath:
			if strings.Trim(text, ".") == "" { // would lead elsewhere: up, or to the operation without it
				return nil, fmt.Errorf("the argument %q may not be %q", p.as, text)
			}
			path = strings.NewReplacer("{"+p.name+"}", url.PathEscape(text), "{*"+p.name+"}", url.PathEscape(text)).Replace(path)
		case inQuery:
			query.Set(p.name, text)
		case inHeader:
			if strings.ContainsAny(text, "\r\n") {
				return nil, fmt.Errorf("the argument %q does not fit into a header", p.as)
			}
			in.Header.Set(p.name, text)
		case inBody:
			in.Body, in.ContentLength = io.NopCloser(bytes.NewReader(value)), int64(len(value))
			in.Header.Set("Content-Type", "application/json")
		}
	}
	for name := range arguments {
		return nil, fmt.Errorf("the tool has no argument %q", name)
	}
	u, err := url.Parse("https://" + t.host + path)
	if err != nil {
		return nil, errors.New("the arguments make no address")
	}
	u.RawQuery = query.Encode()
	in.URL, in.RequestURI = u, u.RequestURI()
	return in, nil
}

// plain is a value as it stands in an address: texts without their quotes, all else as JSON.
func plain(value json.RawMessage) string {
	var text string
	if json.Unmarshal(value, &text) == nil {
		return text
	}
	return string(value)
}
