package apim_test

import (
	"fmt"
	"runtime"
	"testing"
	"time"

	"gatehouse"
	"gatehouse/store"
)

// BenchmarkDeleteService deletes a service with 10,000 APIs of two operations each; it
// says how long that takes and how much memory it allocates.
func BenchmarkDeleteService(b *testing.B) {
	for b.Loop() {
		b.StopTimer()
		w := world(b)
		fillService(b, w.Store, 10000)
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		b.StartTimer()
		start := time.Now()
		if a := w.Do("owner", "DELETE", service+version, nil, ""); a.Code != 202 {
			b.Fatalf("%d %s", a.Code, a.Body)
		}
		runtime.ReadMemStats(&after)
		b.ReportMetric(float64(after.HeapSys-before.HeapSys)/(1<<20), "MB-heap")
		b.Logf("%v, %d MB allocated", time.Since(start), (after.TotalAlloc-before.TotalAlloc)>>20)
	}
}

// fillService writes APIs straight into the store, as many to a transaction as is quick.
func fillService(tb testing.TB, s *store.Store, n int) {
	tb.Helper()
	for from := 0; from < n; from += 1000 {
		_, err := s.Write(tb.Context(), gatehouse.Cause{Caller: gatehouse.Caller{Type: gatehouse.User}, Action: "test"}, func(tx *store.Tx) error {
			for i := from; i < from+1000; i++ {
				api := fmt.Sprintf("%s/apis/a%05d", service, i)
				for _, each := range [][3]string{
					{api, "apis", fmt.Sprintf(`{"properties":{"displayName":"A %[1]d","path":"a%[1]d","apiRevision":"1","isCurrent":true,"protocols":["https"]}}`, i)},
					{api + "/operations/get", "apis/operations", `{"properties":{"displayName":"Get","method":"GET","urlTemplate":"/"}}`},
					{api + "/operations/put", "apis/operations", `{"properties":{"displayName":"Put","method":"PUT","urlTemplate":"/"}}`},
				} {
					d := &store.Document{ID: gatehouse.MustID(each[0]), Type: serviceType + "/" + each[1], Body: []byte(each[2])}
					if err := tx.Put(d); err != nil {
						return err
					}
				}
			}
			return nil
		})
		if err != nil {
			tb.Fatal(err)
		}
	}
}

// BenchmarkRestore backs a service with 10,000 APIs up, and restores it to another.
func BenchmarkRestore(b *testing.B) {
	const where = `{"storageAccount": "account", "containerName": "container", "backupName": "b"}`
	for b.Loop() {
		b.StopTimer()
		w := world(b)
		fillService(b, w.Store, 10000)
		b.StartTimer()
		start := time.Now()
		if a := w.Do("owner", "POST", service+"/backup"+version, nil, where); a.Code != 202 {
			b.Fatalf("%d %s", a.Code, a.Body)
		}
		b.ReportMetric(time.Since(start).Seconds(), "s-backup")
		b.StopTimer()
		const empty = `{"location": "westeurope", "sku": {"name": "Developer"}, "properties": {"publisherEmail": "a@contoso.test", "publisherName": "Contoso"}}`
		copied := service + "2"
		if a := w.Do("owner", "PUT", copied+version, nil, empty); a.Code != 201 {
			b.Fatalf("%d %s", a.Code, a.Body)
		}
		b.StartTimer()
		start = time.Now()
		if a := w.Do("owner", "POST", copied+"/restore"+version, nil, where); a.Code != 202 {
			b.Fatalf("%d %s", a.Code, a.Body)
		}
		b.ReportMetric(time.Since(start).Seconds(), "s-restore")
	}
}
