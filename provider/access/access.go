// Package access is Gatehouse.Access: why, may I, who may, what may they, asked at any
// scope of the running server, and why a past request was refused.
//
// Everybody may ask about themselves. Asking about others takes the right to read role
// assignments at the scope and to read the directory. Whoever asks, only grants at
// scopes whose role assignments they may read are shown, names of people only to who
// may read the directory, and the rest is counted. The answers themselves are made by
// package access (the one without provider).
package access

import (
	"gatehouse/access"
	"gatehouse/arm"
	"gatehouse/directory"
	"gatehouse/guard"
	"gatehouse/openapi"
	"gatehouse/past"
	"gatehouse/store"
)

// What all calls of the namespace share, also those of provider/history and provider/governance.
const (
	Namespace   = "Gatehouse.Access"
	DisplayName = "Gatehouse access"
	Version     = "2026-11-01"                      // the api-version
	Path        = "/providers/" + Namespace         // of the calls that have no scope
	Anywhere    = string(arm.Anywhere) + Path       // of those at any scope
	AnyScope    = "/{scope}/providers/" + Namespace // the same, as it is documented
)

// Config is what the provider needs.
type Config struct {
	Guard     *guard.Guard
	Directory *directory.Index
	Store     *store.Store
	// Past answers about past moments; nil when there is none to ask. What of it may be
	// shown follows from what the caller may read now.
	Past *past.History
}

type provider struct{ Config }

// New declares the provider.
func New(c Config) *arm.Provider {
	p := &provider{c}
	return &arm.Provider{
		Namespace: Namespace, DisplayName: DisplayName, Versions: []string{Version},
		Calls: []arm.Call{
			{Method: "POST", Path: Anywhere + "/explain", Do: p.explain},
			{Method: "POST", Path: Anywhere + "/canI", Do: p.canI},
			{Method: "POST", Path: Anywhere + "/whoCan", Do: p.whoCan},
			{Method: "POST", Path: Anywhere + "/whatCan", Do: p.whatCan},
			{Method: "GET", Path: Path + "/decisions", Do: p.listDecisions},
			{Method: "GET", Path: Path + "/decisions/{requestId}", Do: p.getDecision},
		},
	}
}

// question is the body of explain, canI and whoCan.
type question struct {
	Action       string      `json:"action"`
	DataAction   bool        `json:"dataAction,omitempty"`
	Principal    string      `json:"principal,omitempty"` // a name or ID; who asks when empty
	Scope        string      `json:"scope,omitempty"`     // a path of names or an ID, instead of the scope of the path
	SubOperation string      `json:"subOperation,omitempty"`
	Attributes   *attributes `json:"attributes,omitempty"`
	Groups       bool        `json:"includeGroups,omitempty"` // whoCan: list groups too
	At           string      `json:"at,omitempty"`            // a past moment: a time, a day, an age such as 24h, #812 for after a change
}

// whatQuestion is the body of whatCan.
type whatQuestion struct {
	Principal string `json:"principal,omitempty"`
	Compare   string `json:"compareWith,omitempty"`
	Scope     string `json:"scope,omitempty"`
	Anywhere  bool   `json:"anywhere,omitempty"` // all that the principal holds, whatever the scope
	At        string `json:"at,omitempty"`
}

// attributes are what conditions may refer to.
type attributes struct {
	Request     map[string]any `json:"request,omitempty"`
	Resource    map[string]any `json:"resource,omitempty"`
	Environment map[string]any `json:"environment,omitempty"`
}

// decisionList is the answer of a list of refusals.
type decisionList struct {
	Value []access.Refusal `json:"value"`
	// Omitted counts refusals that would fill the list with one caller: name it with principal.
	Omitted int `json:"omitted,omitempty"`
}

// Operations documents the calls.
func Operations() []openapi.Operation {
	versions := []string{Version}
	return []openapi.Operation{
		{Method: "POST", Path: AnyScope + "/explain", ID: "explainAccess", Tag: "access", Summary: "Why a principal may or may not do something", Versions: versions,
			Description: "The decision with every grant that bore on it, the nearest misses, diagnoses by name, the smallest changes that would flip it, and who can make them.",
			Body:        question{}, Answer: access.Explanation{}},
		{Method: "POST", Path: AnyScope + "/canI", ID: "canI", Tag: "access", Summary: "Whether a principal may do something, in short", Versions: versions, Body: question{}, Answer: access.CanI{}},
		{Method: "POST", Path: AnyScope + "/whoCan", ID: "whoCan", Tag: "access", Summary: "Who may do something, with the groups that lead to each", Versions: versions, Body: question{}, Answer: access.WhoCan{}},
		{Method: "POST", Path: AnyScope + "/whatCan", ID: "whatCan", Tag: "access", Summary: "What a principal may do", Versions: versions, Body: whatQuestion{}, Answer: access.WhatCan{}},
		{Method: "GET", Path: Path + "/decisions", ID: "listDecisions", Tag: "access", Summary: "Refused requests, newest first", Versions: versions,
			Query: []openapi.Parameter{{Name: "principal", Description: "only those of this principal: a name or ID"}, {Name: "$top", Description: "how many at most, 20 when absent"}}, Answer: decisionList{}},
		{Method: "GET", Path: Path + "/decisions/{requestId}", ID: "getDecision", Tag: "access", Summary: "Why a past request was refused", Versions: versions, Answer: access.Decision{}},
	}
}
