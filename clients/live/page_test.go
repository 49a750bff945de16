package live

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
)

// TestEnterCode plays the pages of a device sign-in: code, name and password, approval.
func TestEnterCode(t *testing.T) {
	mux := http.NewServeMux()
	page := func(w http.ResponseWriter, fields string) {
		fmt.Fprintf(w, `<!doctype html><form method="post" action="/next"><input type=hidden name=form value=f>%s</form>`, fields)
	}
	mux.HandleFunc("GET /device", func(w http.ResponseWriter, _ *http.Request) {
		page(w, `<input id=code name=request type=text><button name=step value=code>Next</button>`)
	})
	approved := false
	mux.HandleFunc("POST /next", func(w http.ResponseWriter, r *http.Request) {
		switch step := r.FormValue("step"); {
		case r.FormValue("form") != "f":
			t.Error("the hidden field is lost")
		case step == "code" && r.FormValue("request") == "ABCD":
			page(w, `<input name=username type=email><input name=password type=password><button name=step value=signin>Sign in</button>`)
		case step == "signin" && (r.FormValue("username") != "ada@contoso.example" || r.FormValue("password") != "right"):
			page(w, `<input name=username type=email value=ada><input name=password type=password><button name=step value=signin>Sign in</button>`)
		case step == "signin":
			page(w, `<button name=step value=approve>Continue</button><button name=step value=cancel>Cancel</button>`)
		case step == "approve":
			approved = true
			fmt.Fprint(w, "<p>You may close this window.</p>")
		default:
			t.Errorf("unexpected %v", r.Form)
		}
	})
	server := httptest.NewServer(mux)
	defer server.Close()
	person := Person{Name: "ada@contoso.example", Password: "wrong", Client: server.Client()}
	if err := person.EnterCode(t.Context(), server.URL+"/device", "ABCD"); err == nil || approved {
		t.Errorf("a wrong password: approved %v, error %v", approved, err)
	}
	person.Password = "right"
	if err := person.EnterCode(t.Context(), server.URL+"/device", "ABCD"); err != nil || !approved {
		t.Errorf("the right password: approved %v, error %v", approved, err)
	}
}
