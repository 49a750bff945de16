package feed

import (
	"context"
	"fmt"
	"os"
	"testing"
	"time"

	"gatehouse"
	"gatehouse/gateway/config"
	"gatehouse/store"
	"gatehouse/store/sqlite/sqlitetest"
)

// TestLarge: ten thousand APIs with two hundred thousand operations are read in seconds, and one that is
// saved then is there at once.
func TestLarge(t *testing.T) {
	apis := 1_000 // ten thousand take 3.4 s to read; writing them is what takes long here
	if os.Getenv("GATEHOUSE_LARGE") != "" {
		apis = 10_000
	}
	s := sqlitetest.Open(t)
	const service = "/subscriptions/50b5c400-0000-4000-8000-000000000001/resourceGroups/g/providers/Microsoft.ApiManagement/service/large"
	put := func(tx *store.Tx, typ, id, body string) error {
		return tx.Put(&store.Document{ID: gatehouse.MustID(service + id), Type: serviceType + typ, Body: []byte(body)})
	}
	write := func(f func(tx *store.Tx) error) {
		if _, err := s.Write(t.Context(), gatehouse.Cause{}, f); err != nil {
			t.Fatal(err)
		}
	}
	write(func(tx *store.Tx) error { return put(tx, "", "", `{"location":"westeurope","properties":{}}`) })
	for at := 0; at < apis; at += 100 {
		write(func(tx *store.Tx) error {
			for i := at; i < at+100; i++ {
				api := fmt.Sprintf("/apis/api-%05d", i)
				if err := put(tx, "/apis", api, fmt.Sprintf(`{"properties":{"displayName":"API %d","path":"api/%d","protocols":["https"],"apiRevision":"1","isCurrent":true}}`, i, i)); err != nil {
					return err
				}
				for o := range 20 {
					if err := put(tx, "/apis/operations", fmt.Sprintf("%s/operations/op-%d", api, o), fmt.Sprintf(
						`{"properties":{"displayName":"Operation %d","method":"GET","urlTemplate":"/things/%d/{id}","templateParameters":[{"name":"id","type":"string","required":true}],"responses":[{"statusCode":200}]}}`, o, o)); err != nil {
						return err
					}
				}
			}
			return nil
		})
	}
	began := time.Now()
	f, err := New(context.Background(), s, discard)
	if err != nil {
		t.Fatal(err)
	}
	read := time.Since(began)
	told := 0
	f.Follow(func(_ *config.Config, u *config.Update) { told = len(u.Put) })
	if want := 1 + 21*apis; told != want {
		t.Errorf("%d entities, want %d", told, want)
	}
	began = time.Now()
	write(func(tx *store.Tx) error {
		return put(tx, "/apis/policies", "/apis/api-00042/policies/policy", `{"properties":{"format":"rawxml","value":"<policies/>"}}`)
	})
	took := time.Since(began)
	if told != 1 {
		t.Errorf("%d entities were told of one change", told)
	}
	t.Logf("%d APIs were read in %v; one policy was written and told of in %v", apis, read, took)
	if read > time.Minute || took > time.Second {
		t.Error("that is too long")
	}
}
