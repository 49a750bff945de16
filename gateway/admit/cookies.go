package admit

import (
	"net/http"
	"strings"
)

// TakeSession takes the cookies of sign-in out of a request, so that neither policies nor backends see them, and returns the
// session among them; "" for none. Cookies know no ports: those of the identity provider are among them when it has the
// same host name.
func TakeSession(h http.Header) (session string) {
	lines := h["Cookie"]
	for i, line := range lines {
		if !strings.Contains(line, sessionCookie) {
			continue
		}
		var kept []string
		for part := range strings.SplitSeq(line, ";") {
			name, value, _ := strings.Cut(strings.TrimSpace(part), "=")
			switch {
			case !strings.HasPrefix(name, sessionCookie):
				kept = append(kept, strings.TrimSpace(part))
			case name == sessionCookie && session == "":
				session = strings.Trim(value, `"`)
			}
		}
		lines[i] = strings.Join(kept, "; ")
	}
	if len(lines) == 1 && lines[0] == "" {
		delete(h, "Cookie")
	}
	return session
}
