package audit_test

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	_ "modernc.org/sqlite"

	"gatehouse"
	"gatehouse/audit"
	"gatehouse/store"
	"gatehouse/store/sqlite"
)

const (
	groupType      = "Microsoft.Resources/subscriptions/resourceGroups"
	assignmentType = "Microsoft.Authorization/roleAssignments"
	subscription   = "/subscriptions/11111111-1111-1111-1111-111111111111"
)

var ada = gatehouse.Caller{ID: gatehouse.MustGUID("aaaaaaaa-0000-0000-0000-000000000001"), Type: gatehouse.User, Name: "ada@contoso.example",
	Address: "10.0.0.7", Method: "pwd", IssuedAt: time.Unix(1790000000, 0).UTC()}

func open(t testing.TB, dir string) *store.Store {
	t.Helper()
	clock := time.Date(2026, 11, 21, 8, 0, 0, 0, time.UTC)
	tick := func() time.Time { clock = clock.Add(time.Second); return clock }
	s, err := sqlite.Open(context.Background(), dir, store.Options{Clock: tick, Sweep: time.Hour}, sqlite.Settings{Unsafe: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func cause(op, method, action, scope string) gatehouse.Cause {
	return gatehouse.Cause{Caller: ada, Action: action, Scope: scope, Method: method, Operation: op, Correlation: "corr-" + op, ClientReq: "client-" + op}
}

func write(t testing.TB, s *store.Store, c gatehouse.Cause, f func(tx *store.Tx) error) {
	t.Helper()
	if _, err := s.Write(context.Background(), c, f); err != nil {
		t.Fatal(err)
	}
}

func doc(id, kind, body, secret string) *store.Document {
	d := &store.Document{ID: gatehouse.MustID(id), Type: kind, Body: []byte(body)}
	if secret != "" {
		d.Secret = []byte(secret)
	}
	return d
}

// fill writes n documents with secrets, changes and deletes some, and records a refusal.
func fill(t testing.TB, s *store.Store, n int) {
	for i := range n {
		id := fmt.Sprintf("%s/resourceGroups/rg%d", subscription, i)
		c := cause(fmt.Sprint("op", i), "PUT", groupType+"/write", id)
		write(t, s, c, func(tx *store.Tx) error { return tx.Put(doc(id, groupType, `{"v":1}`, `{"p":"one"}`)) })
		write(t, s, c, func(tx *store.Tx) error { return tx.Put(doc(id, groupType, `{"v":2}`, `{"p":"two"}`)) })
		if i%3 == 2 {
			write(t, s, c, func(tx *store.Tx) error { _, err := tx.Delete(gatehouse.MustScope(id)); return err })
		}
	}
	refused := gatehouse.Change{Kind: gatehouse.Refused, Status: 403, Cause: cause("no", "PUT", groupType+"/write", subscription+"/resourceGroups/x")}
	if err := s.Record(context.Background(), refused); err != nil {
		t.Fatal(err)
	}
}

func verify(t testing.TB, dir string) audit.Report {
	t.Helper()
	s := open(t, dir)
	defer s.Close()
	r, err := audit.Verify(context.Background(), s, nil)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// TestVerifyColumns tampers with each column of each table by SQL, as somebody with the file might.
func TestVerifyColumns(t *testing.T) {
	for _, c := range []struct {
		sql  string
		seq  int64
		want string
	}{
		{`UPDATE changes SET time = time + 1 WHERE seq = 5`, 5, "column time"},
		{`UPDATE changes SET time = 1 WHERE seq = 5`, 5, "time"},
		{`UPDATE changes SET kind = 'delete' WHERE seq = 5`, 5, "column kind"},
		{`UPDATE changes SET resource = '/subscriptions/other' WHERE seq = 5`, 5, "column resource"},
		{`UPDATE changes SET scope = '/' WHERE seq = 5`, 5, "column scope"},
		{`UPDATE changes SET type = 'x' WHERE seq = 5`, 5, "column type"},
		{`UPDATE changes SET actor = '' WHERE seq = 5`, 5, "column actor"},
		{`UPDATE changes SET operation = 'x' WHERE seq = 5`, 5, "column operation"},
		{`UPDATE changes SET correlation = 'x' WHERE seq = 5`, 5, "column correlation"},
		{`UPDATE changes SET hash = zeroblob(32) WHERE seq = 5`, 5, "hash"},
		{`UPDATE changes SET secret_before = zeroblob(40) WHERE seq = 5`, 5, "sealed secret"},
		{`UPDATE changes SET secret_before = NULL WHERE seq = 6`, 6, "sealed secret"},
		{`UPDATE changes SET secret_after = secret_before WHERE seq = 6`, 6, "sealed secret"},
		{`UPDATE changes SET record = CAST(replace(record, 'ada@', 'eve@') AS BLOB) WHERE seq = 5`, 5, "hash"},
		{`DELETE FROM changes WHERE seq = 5`, 5, "missing"},
		{`DELETE FROM changes WHERE seq = 1`, 1, "missing"},
		{`UPDATE changes SET seq = 1000 WHERE seq = 5`, 5, "missing"},
		{`DELETE FROM changes WHERE seq >= 11`, 11, "revision"}, // cut at the end, documents left
		{`UPDATE documents SET body = CAST('{"v":3}' AS BLOB) WHERE key LIKE '%rg0'`, 2, "body"},
		{`UPDATE documents SET secret = (SELECT secret FROM documents WHERE key LIKE '%rg1') WHERE key LIKE '%rg0'`, 2, "secret"},
		{`UPDATE documents SET secret = NULL WHERE key LIKE '%rg0'`, 2, "secret"},
		{`UPDATE documents SET id = upper(id) WHERE key LIKE '%rg0'`, 2, "ID"},
		{`UPDATE documents SET type = 'x' WHERE key LIKE '%rg0'`, 2, "type"},
		{`UPDATE documents SET type_name = 'x' WHERE key LIKE '%rg0'`, 2, "type"},
		{`UPDATE documents SET parent = 'x' WHERE key LIKE '%rg0'`, 2, "parent"},
		{`UPDATE documents SET name = 'x' WHERE key LIKE '%rg0'`, 2, "name"},
		{`UPDATE documents SET revision = 99 WHERE key LIKE '%rg0'`, 99, "revision"},
		{`UPDATE documents SET created = 1 WHERE key LIKE '%rg0'`, 2, "times"},
		{`UPDATE documents SET updated = 1 WHERE key LIKE '%rg0'`, 2, "times"},
		{`UPDATE documents SET key = key || 'x' WHERE key LIKE '%rg0'`, 2, "no change made it"},
		{`DELETE FROM documents WHERE key LIKE '%rg0'`, 2, "missing"},
		{`DROP INDEX documents_by_type; CREATE INDEX documents_by_type ON documents (type, key); UPDATE documents SET body = CAST('{"v":4}' AS BLOB) WHERE key LIKE '%rg1'`, 4, "body"},
		{`INSERT INTO documents SELECT '/subscriptions/forged', '/subscriptions/forged', type, type_name, '', name, 4, created, updated, body, secret FROM documents WHERE key LIKE '%rg0'`, 4, "no change made it"},
	} {
		t.Run(c.sql, func(t *testing.T) {
			dir := t.TempDir()
			s := open(t, dir)
			fill(t, s, 6)
			s.Close()
			tamper(t, dir, c.sql)
			f := verify(t, dir).Fault
			if f == nil || f.Seq != c.seq || !strings.Contains(f.What, c.want) {
				t.Errorf("got fault %+v, want change %d and %q", f, c.seq, c.want)
			}
		})
	}
}

func tamper(t *testing.T, dir, statement string) {
	t.Helper()
	db, err := sql.Open("sqlite", filepath.Join(dir, sqlite.DatabaseFile))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	result, err := db.Exec(statement)
	if err != nil {
		t.Fatal(err)
	}
	if n, _ := result.RowsAffected(); n == 0 {
		t.Fatal("the statement changed nothing")
	}
}

func TestVerifyClean(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	if r, err := audit.Verify(context.Background(), s, nil); err != nil || r.Fault != nil || r.Changes != 0 {
		t.Errorf("empty: %+v, %v", r, err)
	}
	fill(t, s, 600)
	reports := 0
	r, err := audit.Verify(context.Background(), s, func(done, total int64) { reports++ })
	seq, hash := s.Head(context.Background())
	if err != nil || r.Fault != nil || r.Changes != 1401 || r.Documents != 400 || r.Head != seq || r.Hash != hash || reports == 0 {
		t.Errorf("got %+v, %v, %d reports", r, err, reports)
	}
}

// TestVerifyWhileWriting: what is written between the walks is no fault.
func TestVerifyWhileWriting(t *testing.T) {
	s := open(t, t.TempDir())
	fill(t, s, 30)
	stop, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		for i := 0; ; i++ {
			select {
			case <-stop:
				return
			default:
			}
			id := fmt.Sprintf("%s/resourceGroups/rg%d", subscription, i%30)
			c := cause("busy", "PUT", groupType+"/write", id)
			write(t, s, c, func(tx *store.Tx) error {
				if i%7 == 3 {
					_, err := tx.Delete(gatehouse.MustScope(id))
					if gatehouse.KindOf(err) == gatehouse.NotFound {
						return nil
					}
					return err
				}
				return tx.Put(doc(id, groupType, fmt.Sprintf(`{"v":%d}`, i), ""))
			})
		}
	}()
	for range 5 {
		if r, err := audit.Verify(context.Background(), s, nil); err != nil || r.Fault != nil {
			t.Errorf("got %+v, %v", r.Fault, err)
		}
	}
	close(stop)
	<-done
}

// TestFlippedByte flips bits in the content of every change: each must be named.
func TestFlippedByte(t *testing.T) {
	dir, whole := filled(t)
	flips := 0
	for i, body := range recordBodies(t, dir) {
		if !bytes.Contains(whole, body) {
			t.Fatalf("change %d is not in one piece in the file", i+1)
		}
		for at := i % 7; at < len(body); at += 1 + len(body)/4 {
			flips++
			broken := bytes.Clone(body)
			broken[at] ^= 1 << (at % 8)
			replace(t, dir, bytes.ReplaceAll(whole, body, broken)) // a page may hold a stale copy too
			if fault := verify(t, dir).Fault; fault == nil || fault.Seq != int64(i+1) {
				t.Errorf("byte %d in change %d was flipped: %v", at, i+1, fault)
			}
		}
	}
	t.Log(flips, "flips")
}

// TestFlippedColumn flips a bit in every byte of every column of every row: the change, or
// the document by the change that wrote it, is named each time.
func TestFlippedColumn(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	fill(t, s, 1)
	write(t, s, cause("gone", "DELETE", groupType+"/delete", subscription+"/resourceGroups/rg1"), func(tx *store.Tx) error {
		if err := tx.Put(doc(subscription+"/resourceGroups/rg1", groupType, `{"v":1}`, `{"p":"one"}`)); err != nil {
			return err
		}
		_, err := tx.Delete(gatehouse.MustScope(subscription + "/resourceGroups/rg1"))
		return err
	})
	db, err := sql.Open("sqlite", filepath.Join(dir, sqlite.DatabaseFile))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	db.SetMaxOpenConns(1)
	flips := 0
	for table, number := range map[string]string{"changes": "seq", "documents": "revision"} {
		for _, c := range cells(t, db, table, number) {
			for at := range max(len(c.bytes), 1) {
				if !c.flip(t, db, at) {
					continue
				}
				flips++
				r, err := audit.Verify(t.Context(), s, nil)
				last := c.column == "seq" && at == 7 // a number below zero is as if the change were not there: at the end of the log its document tells
				if err != nil || r.Fault == nil || r.Fault.What == "" || c.column != "revision" && !last && r.Fault.Seq != c.seq {
					t.Errorf("byte %d of %s of %s %d was flipped: %+v %v", at, c.column, table, c.seq, r.Fault, err)
				}
				c.put(t, db, c.value)
			}
		}
	}
	if r, err := audit.Verify(t.Context(), s, nil); err != nil || r.Fault != nil {
		t.Errorf("in the end: %+v %v", r.Fault, err)
	}
	t.Log(flips, "flips")
}

// cell is a value in the database.
type cell struct {
	table, column, kind string
	row, seq            int64
	value               any
	bytes               []byte
}

// cells are all values of a table; number is the column that says which change a row is of.
func cells(t *testing.T, db *sql.DB, table, number string) (out []cell) {
	t.Helper()
	rows, err := db.Query(`SELECT c.name, r.rowid, r.` + number + ` FROM pragma_table_info('` + table + `') c, (SELECT rowid, ` + number + ` FROM ` + table + `) r`)
	if err != nil {
		t.Fatal(err)
	}
	for rows.Next() {
		c := cell{table: table}
		if err := rows.Scan(&c.column, &c.row, &c.seq); err != nil {
			t.Fatal(err)
		}
		out = append(out, c)
	}
	rows.Close()
	for i := range out {
		c := &out[i]
		if err := db.QueryRow(`SELECT typeof(`+c.column+`), CAST(`+c.column+` AS BLOB), `+c.column+` FROM `+table+` WHERE rowid = ?`, c.row).Scan(&c.kind, &c.bytes, &c.value); err != nil {
			t.Fatal(err)
		}
		if c.kind == "integer" {
			c.bytes = make([]byte, 8)
		}
	}
	return out
}

// flip changes one byte; false when there is none or the database will not have it.
func (c *cell) flip(t *testing.T, db *sql.DB, at int) bool {
	switch c.kind {
	case "integer":
		return c.put(t, db, c.value.(int64)^1<<(8*at+at%8)) == nil
	case "null":
		return false
	}
	if len(c.bytes) == 0 {
		return false
	}
	broken := bytes.Clone(c.bytes)
	broken[at] ^= 1 << (at % 8)
	return c.put(t, db, broken) == nil
}

func (c *cell) put(t *testing.T, db *sql.DB, v any) error {
	place := "?"
	if c.kind == "text" {
		place = "CAST(? AS TEXT)"
	}
	_, err := db.Exec(`UPDATE `+c.table+` SET `+c.column+` = `+place+` WHERE rowid = ?`, v, c.row)
	if seq, ok := v.(int64); ok && err == nil && c.column == "seq" {
		c.row = seq // it is the row's ID as well
	}
	return err
}

// TestFlippedAnywhere flips bits all over the file. One that is neither refused
// nor found must have left every change and document as it was.
func TestFlippedAnywhere(t *testing.T) {
	dir, whole := filled(t)
	want := contents(t, dir)
	noticed, harmless := 0, 0
	for at := 5; at < len(whole); at += 991 {
		broken := bytes.Clone(whole)
		broken[at] ^= 1 << (at % 8)
		replace(t, dir, broken)
		s, err := sqlite.Open(context.Background(), dir, store.Options{}, sqlite.Settings{Unsafe: true})
		if err != nil {
			noticed++
			continue
		}
		r, err := audit.Verify(context.Background(), s, nil)
		s.Close()
		if err != nil || r.Fault != nil {
			noticed++
			continue
		}
		if harmless++; contents(t, dir) != want {
			t.Errorf("byte %d was flipped: changes or documents differ and nothing noticed", at)
		}
	}
	t.Log(noticed, "noticed,", harmless, "harmless")
}

// filled makes a data directory and returns the bytes of its database.
func filled(t *testing.T) (dir string, whole []byte) {
	dir = t.TempDir()
	s := open(t, dir)
	fill(t, s, 6)
	s.Close()
	whole, err := os.ReadFile(filepath.Join(dir, sqlite.DatabaseFile))
	if err != nil {
		t.Fatal(err)
	}
	return dir, whole
}

// replace puts another database file in place.
func replace(t *testing.T, dir string, broken []byte) {
	for _, suffix := range []string{"-wal", "-shm"} {
		os.Remove(filepath.Join(dir, sqlite.DatabaseFile+suffix))
	}
	if err := os.WriteFile(filepath.Join(dir, sqlite.DatabaseFile), broken, 0o600); err != nil {
		t.Fatal(err)
	}
}

// contents is everything that readers of the store can see.
func contents(t *testing.T, dir string) string {
	s := open(t, dir)
	defer s.Close()
	var b strings.Builder
	for r, err := range s.Records(context.Background(), 0) {
		fmt.Fprintf(&b, "%+v %v\n", r, err)
	}
	for r, err := range s.Rows(context.Background()) {
		fmt.Fprintf(&b, "%+v %v\n", r, err)
	}
	return b.String()
}

func recordBodies(t *testing.T, dir string) (all [][]byte) {
	s := open(t, dir)
	defer s.Close()
	for r, err := range s.Records(context.Background(), 0) {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, r.Body)
	}
	return all
}

func TestExport(t *testing.T) {
	s := open(t, t.TempDir())
	fill(t, s, 3)
	odd := cause("odd", "PUT", groupType+"/write", subscription)
	odd.Reason = "=HYPERLINK(\"x\")\nsecond <line>"
	write(t, s, odd, func(tx *store.Tx) error {
		return tx.Put(doc(subscription, "Microsoft.Resources/subscriptions", "{\n\"a\": \"<b>\"}", ""))
	})
	var b bytes.Buffer
	n, err := audit.Export(context.Background(), s, store.ChangeQuery{}, audit.JSONLines, &b)
	lines := strings.Split(strings.TrimSpace(b.String()), "\n")
	if err != nil || n != 9 || len(lines) != n {
		t.Fatalf("%d changes, %d lines, %v", n, len(lines), err)
	}
	var last gatehouse.Change
	if err := json.Unmarshal([]byte(lines[8]), &last); err != nil || last.Hash == "" || last.Cause.Reason != odd.Reason || !strings.Contains(lines[8], "<b>") {
		t.Errorf("the last line is %s, %v", lines[8], err)
	}
	b.Reset()
	if _, err := audit.Export(context.Background(), s, store.ChangeQuery{Descending: true}, audit.CSV, &b); err != nil {
		t.Fatal(err)
	}
	rows, err := csv.NewReader(&b).ReadAll()
	if err != nil || len(rows) != 10 || rows[1][0] != "9" || !strings.HasPrefix(rows[1][19], "'=HYPER") {
		t.Errorf("got %v, %v", rows, err)
	}
	if _, err := audit.Export(context.Background(), s, store.ChangeQuery{}, "xls", &b); gatehouse.KindOf(err) != gatehouse.Invalid {
		t.Errorf("an unknown format: %v", err)
	}
}
