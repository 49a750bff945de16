package replay

import (
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"maps"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"

	"gatehouse/gateway/config"
	"gatehouse/gateway/record"
)

// call is a recorded call whose references were resolved: what the gateway gets to see of it.
type call struct {
	*record.Record
	line   int
	masked *record.Record          // as it stands in the file
	tokens map[string]record.Token // by the text that stands for each
	known  map[string]bool         // GUIDs that the recording has
	fixed  map[string]bool         // and those that configurations have: others were made up while the call ran
}

// open resolves the references of a record with the configuration that the call ran under.
func open(line int, r *record.Record, c *config.Config, fixed map[string]bool) *call {
	k := &call{line: line, masked: r, fixed: fixed, tokens: map[string]record.Token{}, known: map[string]bool{}}
	texts := make([]string, len(r.Tokens))
	for i, t := range r.Tokens {
		texts[i] = unsigned(t)
		k.tokens[texts[i]] = t
	}
	resolve := func(kind, of string) string {
		if n, err := strconv.Atoi(of); kind == record.TokenRef && err == nil && n >= 0 && n < len(texts) {
			return texts[n]
		}
		if text, ok := record.Resolve(c, kind, of); ok {
			return text
		}
		return kind + "-" + of
	}
	k.Record = r.Expand(resolve)
	for _, each := range k.messages() {
		for _, text := range append(values(each.Header), each.URL, string(each.Body.Data)) {
			note(k.known, text)
		}
	}
	for _, t := range r.Tokens {
		note(k.known, string(t.Claims))
	}
	if p := r.Principal; p != nil {
		note(k.known, p.ID.String()+" "+p.AppID)
	}
	return k
}

// note adds the GUIDs of a text.
func note(known map[string]bool, text string) {
	for _, id := range guid.FindAllString(text, -1) {
		known[strings.ToLower(id)] = true
	}
}

// guidsOf are those that stand in configurations: no call makes them up.
func guidsOf(configs ...*config.Config) map[string]bool {
	known := map[string]bool{}
	for _, c := range configs {
		for e := range c.All() {
			if text, err := json.Marshal(e); err == nil {
				note(known, string(text))
			}
		}
	}
	return known
}

func values(h http.Header) (list []string) {
	for all := range maps.Values(h) {
		list = append(list, all...)
	}
	return list
}

// messages are what came from outside: the request, and answers of backends.
func (k *call) messages() []*record.Message {
	list := []*record.Message{&k.Request}
	for i := range k.Backends {
		list = append(list, &k.Backends[i].Answer)
	}
	return list
}

// unsigned is a token with a made-up signature, which no other text has.
func unsigned(t record.Token) string {
	signature := make([]byte, 32)
	rand.Read(signature)
	e := base64.RawURLEncoding
	var head struct {
		Algorithm string `json:"alg"`
	}
	if json.Unmarshal(t.Header, &head) == nil && strings.EqualFold(head.Algorithm, "none") {
		return e.EncodeToString(t.Header) + "." + e.EncodeToString(t.Claims) + "."
	}
	return e.EncodeToString(t.Header) + "." + e.EncodeToString(t.Claims) + "." + e.EncodeToString(signature)
}

var guid = regexp.MustCompile(`[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}`)

// request is the call as a gateway gets it.
func (k *call) request() (*http.Request, error) {
	u, err := url.Parse(k.Request.URL)
	if err != nil {
		return nil, err
	}
	r := &http.Request{Method: k.Request.Method, URL: &url.URL{Path: u.Path, RawPath: u.RawPath, RawQuery: u.RawQuery}, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: k.Request.Header.Clone(), Host: u.Host, RemoteAddr: net.JoinHostPort(k.Client, "0"), RequestURI: u.RequestURI()}
	if r.Header == nil {
		r.Header = http.Header{}
	}
	r.Body = http.NoBody
	if data := k.Request.Body.Data; len(data) > 0 {
		r.Body, r.ContentLength = newBody(data), int64(len(data))
		if r.Header.Get("Content-Length") != "" {
			r.Header.Set("Content-Length", strconv.Itoa(len(data)))
		}
	}
	if u.Scheme == "https" {
		r.TLS = &tls.ConnectionState{Version: tls.VersionTLS13, HandshakeComplete: true, ServerName: u.Hostname()}
		for _, raw := range k.Certificates {
			one, err := x509.ParseCertificate(raw)
			if err != nil {
				return nil, err
			}
			r.TLS.PeerCertificates = append(r.TLS.PeerCertificates, one)
		}
	}
	return r, nil
}

// claims are what a role check looks at in a token of the installation.
type claims struct {
	Audience  json.RawMessage `json:"aud"`
	NotBefore int64           `json:"nbf"`
	Expiry    int64           `json:"exp"`
	Type      string          `json:"idtyp"`
	Object    string          `json:"oid"`
	App       string          `json:"appid"`
	Name      string          `json:"upn"`
}

func (c *claims) audiences() (list []string) {
	var one string
	if json.Unmarshal(c.Audience, &one) == nil {
		return []string{one}
	}
	_ = json.Unmarshal(c.Audience, &list) // what is no list has no audience
	return list
}
