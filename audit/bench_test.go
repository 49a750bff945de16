package audit_test

import (
	"context"
	"fmt"
	"testing"

	"gatehouse"
	"gatehouse/audit"
	"gatehouse/store"
)

// BenchmarkVerify walks a log of 5,000 changes and compares 5,000 documents.
func BenchmarkVerify(b *testing.B) {
	const changes = 5000
	s := open(b, b.TempDir())
	for n := range changes {
		id := fmt.Sprintf("%s/resourceGroups/rg%d", subscription, n)
		write(b, s, cause(fmt.Sprint("op", n), "PUT", groupType+"/write", id), func(tx *store.Tx) error {
			return tx.Put(doc(id, groupType, `{"location":"westeurope","tags":{"owner":"ada"}}`, `{"p":"x"}`))
		})
	}
	b.Run("verify", func(b *testing.B) {
		for b.Loop() {
			if r, err := audit.Verify(context.Background(), s, nil); err != nil || r.Fault != nil {
				b.Fatal(err, r.Fault)
			}
		}
		b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N)/changes, "us/change")
	})
	b.Run("newest 50 events", func(b *testing.B) {
		l := &audit.Log{Store: s, Tenant: tenant}
		for b.Loop() {
			n := 0
			for _, err := range l.Events(context.Background(), gatehouse.MustScope(subscription), audit.Filter{}) {
				if err != nil {
					b.Fatal(err)
				}
				if n++; n == 50 {
					break
				}
			}
		}
	})
}
