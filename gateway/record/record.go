package record

import (
	"bufio"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"
	"unicode/utf8"

	"gatehouse"
)

// Version is that of the form of records. A reader takes no other.
const Version = "1"

// Record is one call.
type Record struct {
	Version string    `json:"gatehouseRecord"`
	ID      string    `json:"id"` // of the call
	Time    time.Time `json:"time"`
	Mark    string    `json:"mark,omitempty"` // references read {{mark:kind:of:form}}
	Salt    string    `json:"salt,omitempty"` // of the fingerprints of keys

	Service string `json:"service"`           // resource ID
	Gateway string `json:"gateway,omitempty"` // name of a gateway in a process of its own
	Client  string `json:"client"`            // address that counts
	Remote  string `json:"remote,omitempty"`  // that of the connection, where it is another

	Request      Message  `json:"request"`
	Certificates [][]byte `json:"certificates,omitempty"` // of the client, DER, its own first

	// What the gateway made of it: IDs below the service, "" for none.
	API          string     `json:"api,omitempty"`
	Operation    string     `json:"operation,omitempty"`
	Product      string     `json:"product,omitempty"`
	Subscription string     `json:"subscription,omitempty"`
	Principal    *Principal `json:"principal,omitempty"`
	Decision     *Decision  `json:"decision,omitempty"`
	Tokens       []Token    `json:"tokens,omitempty"` // that references of the kind token are to

	Backends []Exchange `json:"backends,omitempty"` // in order
	Omitted  int        `json:"omitted,omitempty"`  // further exchanges that there were too many of
	Status   int        `json:"status"`             // 0 when there was no answer
	Answer   Message    `json:"answer"`
	Failure  *Failure   `json:"failure,omitempty"`  // why on-error ran
	Switched bool       `json:"switched,omitempty"` // the connection left HTTP: nothing of it is here
	Here     bool       `json:"here,omitempty"`     // the gateway made the answer, not a backend
}

// Message is a request or an answer. Method and URL are those of requests.
type Message struct {
	Method string      `json:"method,omitempty"`
	URL    string      `json:"url,omitempty"`
	Header http.Header `json:"headers,omitempty"`
	Body   Body        `json:"body,omitzero"`
}

// Body is a body, or its beginning.
type Body struct {
	Data []byte
	Cut  bool // there was more, or it could not be read for secrets
}

// IsZero reports whether there was no body.
func (b Body) IsZero() bool { return len(b.Data) == 0 && !b.Cut }

type wireBody struct {
	Text   string `json:"text,omitempty"`
	Base64 string `json:"base64,omitempty"`
	Cut    bool   `json:"cut,omitempty"`
}

// MarshalJSON writes text as such and everything else as Base64.
func (b Body) MarshalJSON() ([]byte, error) {
	w := wireBody{Cut: b.Cut}
	if utf8.Valid(b.Data) {
		w.Text = string(b.Data)
	} else {
		w.Base64 = base64.StdEncoding.EncodeToString(b.Data)
	}
	return json.Marshal(w)
}

// UnmarshalJSON reads what MarshalJSON wrote.
func (b *Body) UnmarshalJSON(text []byte) (err error) {
	var w wireBody
	if err := json.Unmarshal(text, &w); err != nil {
		return err
	}
	*b = Body{Data: []byte(w.Text), Cut: w.Cut}
	if w.Base64 != "" {
		b.Data, err = base64.StdEncoding.DecodeString(w.Base64)
	}
	return err
}

// Principal is who a role check found to call. Groups are not kept: rights are decided anew.
type Principal struct {
	ID    gatehouse.GUID          `json:"id"`
	Type  gatehouse.PrincipalType `json:"type"`
	Name  string                  `json:"name,omitempty"`
	AppID string                  `json:"appId,omitempty"`
	Via   string                  `json:"via"` // bearer, session or certificate
	Agent *gatehouse.Agent        `json:"agent,omitempty"`
	// Issuer is the identity provider whose token it was, and Method how that stands for the principal; "" for this server's.
	Issuer string `json:"issuer,omitempty"`
	Method string `json:"method,omitempty"`
}

// Decision is what a role check came to.
type Decision struct {
	Enforced bool           `json:"enforced"`
	Allowed  bool           `json:"allowed"`
	Action   string         `json:"action"`
	Scope    string         `json:"scope"`
	Reason   string         `json:"reason,omitempty"` // of a refusal
	Grant    gatehouse.GUID `json:"assignment,omitzero"`
	Deny     gatehouse.GUID `json:"denyAssignment,omitzero"`
}

// Failure is the LastError of a call.
type Failure struct {
	Source  string `json:"source"`
	Reason  string `json:"reason"`
	Message string `json:"message,omitempty"`
	Scope   string `json:"scope,omitempty"`
	Section string `json:"section,omitempty"`
	Path    string `json:"path,omitempty"`
}

// Errors of an Exchange.
const (
	TimedOut   = "timeout"
	Broken     = "connection"
	ClientGone = "client-gone"
)

// Exchange is a request that went out and its answer.
type Exchange struct {
	Request Message `json:"request"`
	Status  int     `json:"status,omitempty"`
	Answer  Message `json:"answer,omitzero"`
	Error   string  `json:"error,omitempty"` // in place of an answer
	OneWay  bool    `json:"oneWay,omitempty"`
}

// Token is a token without its signature.
type Token struct {
	Header json.RawMessage `json:"header"`
	Claims json.RawMessage `json:"claims"`
	// Key is the fingerprint of the key that signed it; "" when nothing says that the signature was good.
	Key string `json:"key,omitempty"`
	// Tenant says that it is one of the identity provider of this installation.
	Tenant bool `json:"tenant,omitempty"`
	// Published says where the key is published.
	Published []Published `json:"published,omitempty"`
}

// Published is an address that publishes the key of a token; "" stands for those of the installation itself.
type Published struct {
	Address string          `json:"address,omitempty"`
	Issuers []string        `json:"issuers"`
	Key     json.RawMessage `json:"key"` // public, as a JSON Web Key
}

// maxLine bounds one record.
const maxLine = 64 << 20

// Read reads records up to the end. A line that cannot be read, such as the last one of a server that was killed, is
// told to bad, with its number; an error of bad ends the reading.
func Read(r io.Reader, take func(line int, one *Record) error, bad func(line int, err error) error) error {
	lines := bufio.NewScanner(r)
	lines.Buffer(make([]byte, 64<<10), maxLine)
	for n := 1; lines.Scan(); n++ {
		if len(lines.Bytes()) == 0 {
			continue
		}
		one, err := parse(lines.Bytes())
		if err == nil {
			err = take(n, one)
		} else {
			err = bad(n, err)
		}
		if err != nil {
			return err
		}
	}
	return lines.Err()
}

func parse(line []byte) (*Record, error) {
	one := &Record{}
	if err := json.Unmarshal(line, one); err != nil {
		return nil, errors.New("it is no record")
	}
	if one.Version != Version {
		return nil, fmt.Errorf("it is a record of the version %q, and this program reads %q", gatehouse.Plain(one.Version), Version)
	}
	return one, nil
}
