package main

import (
	"net/http"
	"slices"
	"sync"

	"gatehouse/jsondoc"
	"gatehouse/openapi"
	"gatehouse/provider/access"
	"gatehouse/provider/agents"
	"gatehouse/provider/attest"
	"gatehouse/provider/declare"
	"gatehouse/provider/governance"
	"gatehouse/provider/history"
)

// documented are Gatehouse's own calls; those of Azure are documented by Azure.
func documented() []openapi.Operation {
	list := []openapi.Operation{{Method: http.MethodGet, Path: "/openapi.json", ID: "openapi", Tag: "about", Summary: "This document", Open: true}}
	return slices.Concat(list, access.Operations(), agents.Operations(), attest.Operations(), declare.Operations(), history.Operations(), governance.Operations())
}

// openAPI serves the document of Gatehouse's own calls to everybody, like any documentation.
func (a *app) openAPI() http.Handler {
	document := sync.OnceValue(func() []byte {
		return jsondoc.MarshalIndent(openapi.Document("Gatehouse", version(), "/", documented()), "  ")
	})
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json; charset=utf-8")
		_, _ = w.Write(document())
	})
}

// explainLink is where and how to ask why a request was refused.
func explainLink(publicURL string) func(string) (link, command string) {
	return func(operation string) (string, string) {
		return publicURL + access.Path + "/decisions/" + operation + "?api-version=" + access.Version, "gatehouse explain --request-id " + operation
	}
}
