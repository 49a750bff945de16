package past_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"gatehouse"
	"gatehouse/directory"
	"gatehouse/guard"
	"gatehouse/past"
	"gatehouse/rbac"
	"gatehouse/rbac/builtin"
	"gatehouse/store"
	"gatehouse/store/sqlite"
	"gatehouse/store/sqlite/sqlitetest"
)

// big is a store with a log of n changes: 20,000 principals, up to 100,000 role
// assignments, and access changing in one of every ten changes; the others are of APIs.
func big(b *testing.B, n int) (*store.Store, *clock) {
	b.Helper()
	c := &clock{start}
	o := store.Options{MasterKey: []byte(strings.Repeat("k", 32)), Logger: quiet, Clock: c.read}
	var s *store.Store
	if dir := os.Getenv("GATEHOUSE_BENCH_DATA"); dir != "" { // a log of a million is kept for the next run
		var err error
		if s, err = sqlite.Open(b.Context(), dir, o, sqlite.Settings{Unsafe: true}); err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() { s.Close() })
	} else {
		s = sqlitetest.Open(b, o)
	}
	have, _, err := s.Last(b.Context(), time.Time{})
	if err != nil {
		b.Fatal(err)
	}
	c.now = start.Add(time.Duration(have) * time.Second)
	for made := int(have); made < n; {
		_, err := s.Write(b.Context(), gatehouse.Cause{Action: "Microsoft.Authorization/roleAssignments/write", Scope: sub, Operation: "o", Correlation: "c"}, func(tx *store.Tx) error {
			for range min(1000, n-made) {
				made++
				if err := tx.Put(nth(made, n)); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			b.Fatal(err)
		}
		c.now = start.Add(time.Duration(made) * time.Second)
	}
	return s, c
}

// nth is the document that change i writes.
func nth(i, n int) *store.Document {
	r := rand.New(rand.NewPCG(uint64(i), 7))
	switch person := gatehouse.NameGUID(gatehouse.GUID{2}, strconv.Itoa(r.IntN(20000))); {
	case i <= min(20000, n/50):
		return &store.Document{ID: directory.UserID(gatehouse.NameGUID(gatehouse.GUID{2}, strconv.Itoa(i))), Type: directory.UserType,
			Body: fmt.Appendf(nil, `{"id":%q,"displayName":"Person %d","userPrincipalName":"p%d@contoso.example","accountEnabled":true}`, person, i, i)}
	case i%10 == 0 || i < n/10:
		scope := gatehouse.MustID(fmt.Sprintf("%s/resourceGroups/rg%d/providers/Microsoft.ApiManagement/service/s%d", sub, r.IntN(100), r.IntN(100)))
		return &store.Document{ID: guard.RoleAssignmentID(scope, gatehouse.NameGUID(gatehouse.GUID{3}, strconv.Itoa(i%100000))), Type: guard.RoleAssignmentType,
			Body: fmt.Appendf(nil, `{"properties":{"roleDefinitionId":"/providers/Microsoft.Authorization/roleDefinitions/%s","principalId":%q,"principalType":"User","scope":%q,"condition":null,"createdOn":"2026-05-06T07:08:09Z","updatedOn":"2026-05-06T07:08:09Z","createdBy":%q,"updatedBy":%q}}`,
				[]string{builtin.Reader, builtin.Contributor, builtin.Owner}[r.IntN(3)], person, scope, person, person)}
	}
	return &store.Document{ID: gatehouse.MustID(fmt.Sprintf("%s/apis/a%d", svc, i%5000)), Type: "Microsoft.ApiManagement/service/apis",
		Body: fmt.Appendf(nil, `{"properties":{"displayName":"A %d","path":"p%d","description":%q}}`, i, i, strings.Repeat("words ", 40))}
}

// BenchmarkMoment is a first question about a moment that nobody asked about before: asked for is under a
// second with 1,000,000 changes in the log. At 10 of 100 nearly all of them came later.
func BenchmarkMoment(b *testing.B) {
	n := 1_000_000
	if testing.Short() {
		n = 50_000
	}
	s, c := big(b, n)
	live, err := guard.New(b.Context(), s)
	if err != nil {
		b.Fatal(err)
	}
	for _, percent := range []int{99, 90, 50, 10, 1} {
		at := start.Add(c.now.Sub(start) * time.Duration(percent) / 100)
		b.Run(fmt.Sprintf("at=%d/first", percent), func(b *testing.B) {
			for b.Loop() {
				ask(b, past.New(s, live, c.read), at)
			}
		})
		h := past.New(s, live, c.read)
		ask(b, h, at)
		b.Run(fmt.Sprintf("at=%d/again", percent), func(b *testing.B) {
			for b.Loop() {
				ask(b, h, at)
			}
		})
	}
}

func ask(b *testing.B, h *past.History, at time.Time) {
	m, err := h.At(b.Context(), at)
	if err != nil {
		b.Fatal(err)
	}
	g, err := m.Guard(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	g.WhoCan(rbac.WhoCanRequest{Action: "Microsoft.ApiManagement/service/apis/write", Scope: gatehouse.MustScope(calc)})
}

// BenchmarkMarked is a first question beside a server that has prepared its past.
func BenchmarkMarked(b *testing.B) {
	n := 1_000_000
	if testing.Short() {
		n = 150_000
	}
	s, c := big(b, n)
	live, err := guard.New(b.Context(), s)
	if err != nil {
		b.Fatal(err)
	}
	h := past.New(s, live, c.read)
	if err := h.Mark(b.Context()); err != nil {
		b.Fatal(err)
	}
	i := 0
	for b.Loop() {
		i++
		ask(b, h, start.Add(c.now.Sub(start)*time.Duration(i*37%97)/97))
	}
}
