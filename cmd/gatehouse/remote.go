package main

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"gatehouse"
	"gatehouse/jsondoc"
	"gatehouse/past"
	"gatehouse/store"
	"gatehouse/world"
)

// liveFlags say which running server, or data directory, a command reads its world from.
type liveFlags struct{ server, as, data string }

func (l *liveFlags) flags(c *cobra.Command) {
	f := c.Flags()
	f.StringVar(&l.server, "server", "", "address of a running server, or \"local\" for the one over the data directory")
	f.StringVar(&l.as, "as", "", "whose rights to use at the local server (default: the bootstrap service principal)")
	dataFlag(c, &l.data, serverData)
}

// remote is a server and the token to use there.
type remote struct {
	base  string
	token string
	http  *http.Client
}

// tokenVariable holds a token for a server elsewhere, as az account get-access-token prints one.
const tokenVariable = "GATEHOUSE_TOKEN"

func (l *liveFlags) connect(ctx context.Context) (*remote, error) {
	cl, err := newClient(l.data)
	if l.server != "" && l.server != "local" && (err != nil || strings.TrimSuffix(l.server, "/") != cl.r.PublicURL) {
		token := os.Getenv(tokenVariable)
		if token == "" {
			return nil, gatehouse.Errorf(gatehouse.Unauthenticated, "", "There is no token for %s: put one into %s, for example that of \"az account get-access-token --query accessToken -o tsv\".", l.server, tokenVariable)
		}
		return &remote{strings.TrimSuffix(l.server, "/"), token, &http.Client{Timeout: time.Minute}}, nil
	}
	if err != nil {
		return nil, err
	}
	r := &remote{base: cl.r.PublicURL, http: cl.http}
	if r.token, err = cl.token(ctx, cl.r.PublicURL); err == nil && l.as != "" {
		r.token, err = cl.tokenAs(ctx, l.as, cl.r.PublicURL)
	}
	return r, err
}

// do sends a request and reads the answer. A refusal is the server's own error.
func (r *remote) do(ctx context.Context, method, path string, body jsondoc.Value) (*jsondoc.Object, error) {
	target := path
	if strings.HasPrefix(path, "/") {
		target = r.base + strings.ReplaceAll(path, " ", "%20")
	} else if !strings.HasPrefix(path, r.base+"/") {
		return nil, fmt.Errorf("the server at %s names a next page elsewhere: %s", r.base, path)
	}
	var raw []byte
	if body != nil {
		raw = jsondoc.Marshal(body)
	}
	req, err := http.NewRequestWithContext(ctx, method, target, bytes.NewReader(raw))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Authorization", "Bearer "+r.token)
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	answer := &jsondoc.Object{}
	cl := client{r: &running{PublicURL: r.base}, http: r.http}
	status, err := cl.send(req, answer)
	if err != nil || status < 300 {
		return answer, err
	}
	return nil, gatehouse.Errorf(kindOf(status), answer.String("error.code"), "%s", answer.String("error.message"))
}

func (r *remote) world(ctx context.Context) (*world.World, error) {
	w, err := world.FromServer(ctx, func(ctx context.Context, path string) (*jsondoc.Object, error) {
		return r.do(ctx, http.MethodGet, path, nil)
	})
	if err == nil {
		w.Now = time.Now().UTC()
	}
	return w, err
}

// storedWorld is the world of a data directory, whether a server runs over it or not.
func storedWorld(ctx context.Context, data string) (w *world.World, err error) {
	err = withStore(ctx, data, func(s *store.Store) error {
		w, err = world.FromStore(ctx, s)
		return err
	})
	if w != nil {
		w.Now = time.Now().UTC()
	}
	return w, err
}

// pastWorld is the world of a data directory as its change log says it was.
func pastWorld(ctx context.Context, data, at string) (w *world.World, err error) {
	err = withStore(ctx, data, func(s *store.Store) error {
		m, err := past.New(s, nil, nil).Parse(ctx, at)
		if err != nil {
			return usage(err)
		}
		if w, err = world.FromStore(ctx, m.Reader); err == nil {
			w.Now = m.Time.UTC()
		}
		return err
	})
	return w, err
}
