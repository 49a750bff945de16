package gatehouse

import (
	"encoding/json"
	"strings"
	"testing"
)

func TestParseGUID(t *testing.T) {
	want := GUID{0x31, 0x2a, 0x56, 0x5d, 0xc8, 0x1f, 0x4f, 0xd8, 0x89, 0x5a, 0x4e, 0x21, 0xe4, 0x8d, 0x57, 0x1c}
	for _, s := range []string{"312a565d-c81f-4fd8-895a-4e21e48d571c", "312A565D-C81F-4FD8-895A-4E21E48D571C", "312a565dc81f4fd8895a4e21e48d571c"} {
		if got, err := ParseGUID(s); err != nil || got != want {
			t.Errorf("ParseGUID(%q) = %v, %v", s, got, err)
		}
	}
	if want.String() != "312a565d-c81f-4fd8-895a-4e21e48d571c" || want.Hex() != "312a565dc81f4fd8895a4e21e48d571c" {
		t.Errorf("prints as %s and %s", want, want.Hex())
	}
	for _, s := range []string{"", "312a565d", "{312a565d-c81f-4fd8-895a-4e21e48d571c}", "312a565d-c81f-4fd8-895a4-e21e48d571c", "312a565dc81f4fd8895a4e21e48d571", "312a565dc81f4fd8895a4e21e48d571g", "312a565d-c81f-4fd8-895a-4e21e48d571\u00e9", " 312a565dc81f4fd8895a4e21e48d571c"} {
		if got, err := ParseGUID(s); err == nil || !got.IsZero() || KindOf(err) != Invalid || CodeOf(err) != "InvalidGuid" {
			t.Errorf("ParseGUID(%q) = %v, %v", s, got, err)
		}
	}
}

func TestGUIDText(t *testing.T) {
	var v struct{ ID, None GUID }
	if err := json.Unmarshal([]byte(`{"ID":"312A565DC81F4FD8895A4E21E48D571C","None":""}`), &v); err != nil {
		t.Fatal(err)
	}
	b, err := json.Marshal(v)
	if want := `{"ID":"312a565d-c81f-4fd8-895a-4e21e48d571c","None":"00000000-0000-0000-0000-000000000000"}`; err != nil || string(b) != want {
		t.Errorf("%s, %v", b, err)
	}
	if err := json.Unmarshal([]byte(`{"ID":"x"}`), &v); err == nil {
		t.Error("x is no GUID")
	}
}

// RFC 9562, appendix A.4, gives this example of version 5.
func TestNameGUID(t *testing.T) {
	dns := MustGUID("6ba7b810-9dad-11d1-80b4-00c04fd430c8")
	if got := NameGUID(dns, "www.example.com"); got.String() != "2ed6657d-e927-568b-95e1-2665a8aea6a2" {
		t.Errorf("NameGUID = %s", got)
	}
}

func TestNewGUID(t *testing.T) {
	a, b := NewGUID(), NewGUID()
	if a == b || a.String()[14] != '4' || !strings.ContainsRune("89ab", rune(a.String()[19])) {
		t.Errorf("NewGUID() = %s, %s", a, b)
	}
}

func FuzzParseGUID(f *testing.F) {
	f.Add("312a565d-c81f-4fd8-895a-4e21e48d571c")
	f.Fuzz(func(t *testing.T, s string) {
		g, err := ParseGUID(s)
		if err != nil {
			return
		}
		if plain := strings.ToLower(strings.ReplaceAll(s, "-", "")); g.Hex() != plain {
			t.Errorf("ParseGUID(%q).Hex() = %s", s, g.Hex())
		}
		if again, err := ParseGUID(g.String()); err != nil || again != g {
			t.Errorf("%s reads as %v, %v", g, again, err)
		}
	})
}
