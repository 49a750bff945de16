package graph_test

import (
	"context"
	"fmt"
	"testing"

	"gatehouse"
	"gatehouse/directory"
	"gatehouse/store"
)

// BenchmarkLookup asks a directory of 20,000 users in the ways that clients do.
// What an index finds must not depend on the size of the directory.
func BenchmarkLookup(b *testing.B) {
	w := start(b, nil)
	const n, batch = 20000, 2000
	for from := 0; from < n; from += batch {
		_, err := w.store.Write(context.Background(), gatehouse.Cause{Action: "seed"}, func(tx *store.Tx) error {
			for i := from; i < from+batch; i++ {
				u := directory.User{ID: id(0xd0, i), UserPrincipalName: fmt.Sprintf("u%d@contoso.test", i), DisplayName: fmt.Sprintf("User %d", i), AccountEnabled: true}
				d, err := u.Document(directory.Secrets{})
				if err != nil {
					return err
				}
				if err := tx.Put(d); err != nil {
					return err
				}
			}
			return nil
		})
		must(b, err)
	}
	for name, path := range map[string]string{
		"id":          "/v1.0/users/" + id(0xd0, 777).String(),
		"name":        "/v1.0/users/u777@contoso.test",
		"eq":          "/v1.0/users?$filter=userPrincipalName eq 'u777@contoso.test'",
		"displayName": "/v1.0/users?$filter=displayName eq 'User 777' and accountEnabled eq true",
		"page":        "/v1.0/users?$top=100",
		"startswith":  "/v1.0/users?$filter=startswith(displayName,'User 777')",
	} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if a := w.do("alice", "GET", path, "", nil); a.Code != 200 {
					b.Fatal(a.Code, a.Body)
				}
			}
		})
	}
}
