package front

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// browser is a real Chromium, told what to do by WebDriver (W3C).
type browser struct {
	t       testing.TB
	session string // its address
}

func open(t *testing.T) *browser {
	t.Helper()
	chromium, err := exec.LookPath("chromium")
	driver, err2 := exec.LookPath("chromedriver")
	if err != nil || err2 != nil {
		t.Skip("chromium and chromedriver are not installed (make test installs them)")
	}
	port := freePort(t)
	run(t, port, driver, "--port="+port)
	b := &browser{t: t, session: "http://127.0.0.1:" + port}
	var made struct {
		ID string `json:"sessionId"`
	}
	b.do("POST", "/session", map[string]any{"capabilities": map[string]any{"alwaysMatch": map[string]any{
		"acceptInsecureCerts": true, // the local certificate authority is not Chromium's
		"goog:chromeOptions": map[string]any{"binary": chromium, "args": []string{"--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
			"--disable-component-update", "--disable-sync", "--disable-dev-shm-usage", "--user-data-dir=" + t.TempDir()}},
	}}}, &made)
	b.session += "/session/" + made.ID
	t.Cleanup(func() { b.do("DELETE", "", nil, nil) })
	return b
}

// do performs a command of WebDriver.
func (b *browser) do(method, path string, body, answer any) {
	b.t.Helper()
	if err := b.try(method, path, body, answer); err != nil {
		b.t.Fatal(err)
	}
}

func (b *browser) try(method, path string, body, answer any) error {
	var text []byte
	if method == "POST" {
		text, _ = json.Marshal(body)
		if body == nil {
			text = []byte("{}")
		}
	}
	r, err := http.NewRequest(method, b.session+path, bytes.NewReader(text))
	if err != nil {
		return err
	}
	a, err := (&http.Client{Timeout: 30 * time.Second}).Do(r)
	if err != nil {
		return err
	}
	defer a.Body.Close()
	all, err := io.ReadAll(a.Body)
	if err != nil || a.StatusCode != http.StatusOK {
		return fmt.Errorf("%s %s: %s %.300s", method, path, a.Status, all)
	}
	if answer == nil {
		return nil
	}
	return json.Unmarshal(all, &struct{ Value any }{answer})
}

func (b *browser) open(address string) {
	b.t.Helper()
	b.do("POST", "/url", map[string]any{"url": address}, nil)
}

// find is the element that a CSS selector names; it waits until there is one.
func (b *browser) find(selector string) string {
	b.t.Helper()
	var err error
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		var found map[string]string
		if err = b.try("POST", "/element", map[string]any{"using": "css selector", "value": selector}, &found); err == nil {
			for _, id := range found {
				return "/element/" + id
			}
		}
	}
	b.t.Fatalf("%s: %v; the page at %s says %s", selector, err, b.address(), b.text())
	return ""
}

func (b *browser) enter(selector, text string) {
	b.t.Helper()
	b.do("POST", b.find(selector)+"/value", map[string]any{"text": text}, nil)
}

func (b *browser) press(selector string) {
	b.t.Helper()
	b.do("POST", b.find(selector)+"/click", nil, nil)
}

func (b *browser) address() (at string) {
	b.do("GET", "/url", nil, &at)
	return at
}

// text is what the page shows.
func (b *browser) text() (text string) {
	_ = b.try("POST", "/execute/sync", map[string]any{"script": "return document.body ? document.body.innerText : ''", "args": []any{}}, &text)
	return text
}

func (b *browser) shows(want string) {
	b.t.Helper()
	text := ""
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if text = b.text(); strings.Contains(text, want) {
			return
		}
	}
	b.t.Fatalf("the page at %s does not show %q: %s", b.address(), want, text)
}

type cookie struct {
	Name, Value      string
	HTTPOnly, Secure bool
}

func (b *browser) cookies() map[string]cookie {
	var list []cookie
	b.do("GET", "/cookie", nil, &list)
	named := map[string]cookie{}
	for _, c := range list {
		named[c.Name] = c
	}
	return named
}

// signIn fills in the sign-in page.
func (b *browser) signIn() {
	b.t.Helper()
	b.enter("input[name=username]", bobName)
	b.enter("input[name=password]", bobPassword)
	b.press("button[type=submit]")
}

// TestBrowser: somebody opens a page in Chromium, signs in, is refused, gets a role, sees the page, loses the session, signs out.
func TestBrowser(t *testing.T) {
	w := start(t)
	b := open(t)
	page := w.at + "/page?a=1&b=2"
	b.open(page)
	b.signIn()
	b.shows("does not have authorization") // bob is known, and may nothing
	if at := b.address(); at != page {
		t.Errorf("after sign-in at %s", at)
	}
	if n, _, _ := w.upstream.last(); n != 0 {
		t.Error("the service was called")
	}
	revoke := w.assign(w.bob, "User", readerRole, w.api)
	b.open(page)
	b.shows("Hello " + bobName)
	_, seen, path := w.upstream.last()
	if strings.Contains(seen.Get("Cookie"), "gatehouse") || path != "/page?a=1&b=2" && path != "/favicon.ico" {
		t.Errorf("the service was called for %s with cookies %q", path, seen.Get("Cookie"))
	}
	session := b.cookies()["__Host-gatehouse"]
	if session.Value == "" || !session.HTTPOnly || !session.Secure {
		t.Errorf("cookies: %v", b.cookies())
	}
	// The session is of no use to a page of another origin, and not for a form of one.
	w.is("another site", 403, "GET", "/page", "Cookie", "__Host-gatehouse="+session.Value, "Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "no-cors")
	w.is("a form of another site", 403, "POST", "/page", "Cookie", "__Host-gatehouse="+session.Value, "Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "navigate")
	w.is("its own page", 200, "GET", "/page", "Cookie", "__Host-gatehouse="+session.Value, "Sec-Fetch-Site", "same-origin")
	if _, seen, _ := w.upstream.last(); seen.Get("Cookie") != "" {
		t.Error("the service got the session:", seen.Get("Cookie"))
	}
	w.is("on another host name", 401, "GET", w.Env["GATEHOUSE_GATEWAY"]+"/page", "Cookie", "__Host-gatehouse="+session.Value)

	revoke()
	b.open(page)
	b.shows("does not have authorization")
	w.assign(w.bob, "User", readerRole, w.api)
	b.open(page)
	b.shows("Hello")

	time.Sleep(1100 * time.Millisecond) // tokens count whole seconds
	w.manage("POST", w.Env["GATEHOUSE_GRAPH"]+"/v1.0/users/"+w.bob+"/revokeSignInSessions", nil)
	time.Sleep(1100 * time.Millisecond)
	b.open(page)
	b.signIn() // asked again
	b.shows("Hello")

	b.press("#out")
	b.press("button[value=logout]")
	b.shows("signed out")
	b.open(page)
	b.find("input[name=password]")
	if at := b.address(); !strings.HasPrefix(at, w.Env["GATEHOUSE_AUTHORITY"]) {
		t.Errorf("signed out, and at %s", at)
	}
}
