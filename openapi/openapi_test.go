package openapi

import (
	"regexp"
	"strings"
	"testing"
	"time"

	"gatehouse"
	"gatehouse/jsondoc"
)

type leaf struct {
	Text string         `json:"text"`
	When time.Time      `json:"when,omitzero"`
	ID   gatehouse.GUID `json:"id"`
	Any  any            `json:"any,omitempty"`
	self *leaf
}

type tree struct {
	leaf
	Next  *tree          `json:"next,omitempty"`
	Parts []leaf         `json:"parts"`
	More  map[string]int `json:"more"`
	Skip  string         `json:"-"`
}

// TestDocument: every reference leads somewhere, types may hold themselves, and what
// is not sent is not documented.
func TestDocument(t *testing.T) {
	text := string(jsondoc.MarshalIndent(Document("Title", "1", "/", []Operation{
		{Method: "POST", Path: "/{scope}/things", ID: "make", Tag: "things", Summary: "Make", Body: leaf{}, Answer: tree{}, Versions: []string{"2026-11-01"}},
		{Method: "GET", Path: "/{scope}/things", ID: "list", Tag: "things", Summary: "List", Answer: tree{}, Query: []Parameter{{"$top", "how many"}}},
		{Method: "GET", Path: "/about", ID: "about", Tag: "about", Summary: "About", Open: true},
	}), "  "))
	for _, ref := range regexp.MustCompile(`#/components/schemas/(\w+)`).FindAllStringSubmatch(text, -1) {
		if !strings.Contains(text, `"`+ref[1]+`": {`) {
			t.Errorf("%s leads nowhere", ref[0])
		}
	}
	for _, want := range []string{`"openapi": "3.1.0"`, `"format": "date-time"`, `"format": "uuid"`, `"additionalProperties"`, `"name": "$top"`, `"2026-11-01"`, `"text",`} {
		if !strings.Contains(text, want) {
			t.Errorf("there is no %s in\n%s", want, text)
		}
	}
	if strings.Contains(text, "Skip") || strings.Contains(text, "self") {
		t.Errorf("it documents what is never sent:\n%s", text)
	}
	if strings.Count(text, `"security"`) != 2 {
		t.Errorf("an open call asks for a token:\n%s", text)
	}
	_ = leaf{self: nil}
}
