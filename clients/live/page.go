package live

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"

	"golang.org/x/net/html"
)

// Person signs in on pages as somebody at a browser does: reads the form, fills it in, sends it.
type Person struct {
	Name, Password string
	Client         *http.Client // see Server.Client
}

// EnterCode opens the device sign-in page, enters the code and the person's name and password, and presses the button
// of each form until a page without a form comes.
func (p Person) EnterCode(ctx context.Context, page, code string) error {
	jar, err := cookiejar.New(nil)
	if err != nil {
		return err
	}
	client := *p.Client
	client.Jar = jar
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, page, nil)
	asked := false
	for range 6 {
		if err != nil {
			return err
		}
		var f *form
		if f, err = open(&client, req); err != nil || f == nil {
			return err
		}
		if f.fill(code, p.Name, p.Password) {
			if asked {
				return errors.New("the page did not accept the name and password")
			}
			asked = true
		}
		req, err = f.request(ctx)
	}
	return errors.New("after six forms the sign-in page still asks for more")
}

// form is the first form of a page.
type form struct {
	action *url.URL
	method string
	fields url.Values
	kinds  map[string]string // field name -> input type
	codes  map[string]bool   // fields that the page calls a code
}

// open fetches a page; no form on it is a nil form. A refusal is an error that holds the page's text.
func open(client *http.Client, req *http.Request) (*form, error) {
	resp, err := client.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	if err != nil {
		return nil, err
	}
	if resp.StatusCode >= 400 {
		return nil, fmt.Errorf("%s %s answered %s: %s", req.Method, req.URL, resp.Status, body)
	}
	doc, err := html.Parse(strings.NewReader(string(body)))
	if err != nil {
		return nil, err
	}
	var f *form
	for n := range doc.Descendants() {
		if n.Type != html.ElementNode {
			continue
		}
		switch {
		case n.Data == "form" && f != nil:
			return f, nil
		case n.Data == "form":
			f, err = newForm(n, resp.Request.URL)
		case f != nil && (n.Data == "input" || n.Data == "button"):
			f.add(n)
		}
		if err != nil {
			return nil, err
		}
	}
	return f, nil
}

func newForm(n *html.Node, page *url.URL) (*form, error) {
	action, err := page.Parse(attribute(n, "action"))
	method := strings.ToUpper(attribute(n, "method"))
	if method == "" {
		method = http.MethodGet
	}
	return &form{action: action, method: method, fields: url.Values{}, kinds: map[string]string{}, codes: map[string]bool{}}, err
}

// add takes over a field; of several buttons it presses the first, as Enter would.
func (f *form) add(n *html.Node) {
	name, kind := attribute(n, "name"), attribute(n, "type")
	if n.Data == "button" || kind == "submit" {
		if f.kinds["\x00pressed"] != "" || kind == "button" || kind == "reset" {
			return
		}
		f.kinds["\x00pressed"], kind = "yes", "submit"
	}
	if name == "" || kind == "checkbox" || kind == "radio" {
		return
	}
	f.fields.Set(name, attribute(n, "value"))
	f.kinds[name] = kind
	f.codes[name] = strings.Contains(name, "code") || strings.Contains(attribute(n, "id"), "code")
}

// fill writes what a person would into the empty fields, and says whether a password was among them.
func (f *form) fill(code, user, password string) (withPassword bool) {
	for name := range f.fields {
		switch kind := f.kinds[name]; {
		case kind == "hidden" || kind == "submit":
		case kind == "password":
			f.fields.Set(name, password)
			withPassword = true
		case f.codes[name] && f.fields.Get(name) == "":
			f.fields.Set(name, code)
		case (kind == "" || kind == "text" || kind == "email") && f.fields.Get(name) == "":
			f.fields.Set(name, user)
		}
	}
	return withPassword
}

func (f *form) request(ctx context.Context) (*http.Request, error) {
	if f.method == http.MethodGet {
		target := *f.action
		target.RawQuery = f.fields.Encode()
		return http.NewRequestWithContext(ctx, f.method, target.String(), nil)
	}
	req, err := http.NewRequestWithContext(ctx, f.method, f.action.String(), strings.NewReader(f.fields.Encode()))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Origin", f.action.Scheme+"://"+f.action.Host)
	return req, nil
}

func attribute(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}
