package hooks

import (
	"net/http"
	"net/url"
	"strings"

	"gatehouse/gateway/config"
)

// readsOf is reads for calls of an API: a request of GraphQL says in its text what it does, whatever its method is.
func readsOf(api *config.API, r *http.Request) bool {
	return reads(r) && (!strings.EqualFold(api.Type, "graphql") || queries(r))
}

// queries reports whether a GET of GraphQL can be nothing but a query: its text is in the address, and has none of the words
// that anything else begins with.
func queries(r *http.Request) bool {
	values, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil || r.ContentLength != 0 || values.Get("query") == "" {
		return false // of what is kept under a name, only the server knows what it is
	}
	for _, given := range values {
		for _, text := range given {
			if strings.Contains(text, "mutation") || strings.Contains(text, "subscription") {
				return false
			}
		}
	}
	return true
}
