// Package armtest runs wire cases against an arm.Server with any providers: a real
// store in a temporary directory, a clock that moves one second per request, and
// callers of known rights.
//
// A case is a txtar file in a provider's testdata. Its comment says what it shows
// and where that is written down. Sections come in pairs, a request under a title
// of its own and its answer:
//
//	-- a resource group without a location is refused --
//	PUT /subscriptions/${sub}/resourcegroups/rg1?api-version=2021-04-01
//	As: contributor
//
//	{"tags": {}}
//	-- answer --
//	400
//
//	{
//	  "error": { … }
//	}
//
// Run with -update writes the answers; the diff is the review. Blanks in a URL may
// stand as they are. Below the request line stand headers, and these words, which
// are not sent:
//
//	As: reader           who asks; owner unless said otherwise, anonymous sends no token
//	Save: id = path      keeps a member of the answer's body (properties.principalId) or
//	                     a header (Location) as ${id} for later requests
//	Show: ETag, Date     headers shown beside those of shownHeaders
//	Wait: 2h             moves the clock before asking
//	Body: none           leaves the body out of the golden answer, to keep a long one short
//
// Callers are owner (Owner at the root), contributor and reader (at the
// subscription), alice, bob and nobody (users without a role) and app (a service
// principal without a role); a GUID is a caller too. Variables are tenant, sub,
// other (a second subscription), rg (an existing resource group's ID), one per
// caller with its object ID, and what Save kept. A section named "documents" holds
// a JSON array of {id, type, body, secret} that are written straight into the store.
//
// In answers, variables are put back in for their values, other GUIDs and entity
// tags are numbered as they appear (${guid1}, ${etag1}) and may be used in later
// requests, and times are told relative to the request: ${now}, ${earlier}, ${now+24h0m0s}.
//
// Sweep asks every route of a server without a token and without a role; Routes
// compares the route table with a golden file.
package armtest
