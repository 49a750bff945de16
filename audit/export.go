package audit

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"time"

	"gatehouse"
	"gatehouse/store"
)

// Format is a form of export.
type Format string

// The forms. JSON lines hold each change whole; CSV has one line per change for a spreadsheet.
const (
	JSONLines Format = "jsonl"
	CSV       Format = "csv"
)

// Export writes the changes that q selects to w, in the order of q. It returns how many.
func Export(ctx context.Context, s *store.Store, q store.ChangeQuery, format Format, w io.Writer) (n int, err error) {
	write, flush, err := writer(format, w)
	if err != nil {
		return 0, err
	}
	changes, err := s.Changes(ctx, q)
	if err != nil {
		return 0, err
	}
	for c, err := range changes {
		if err != nil {
			return n, err
		}
		if err := write(&c); err != nil {
			return n, fmt.Errorf("exporting change %d: %w", c.Seq, err)
		}
		n++
	}
	return n, flush()
}

func writer(format Format, w io.Writer) (write func(*gatehouse.Change) error, flush func() error, err error) {
	switch format {
	case JSONLines:
		return func(c *gatehouse.Change) error { return writeLine(w, c) }, func() error { return nil }, nil
	case CSV:
		table := csv.NewWriter(w)
		write := func(c *gatehouse.Change) error { return table.Write(csvRow(c)) }
		return write, func() error { table.Flush(); return table.Error() }, table.Write(csvHeader)
	}
	return nil, nil, gatehouse.Errorf(gatehouse.Invalid, "ExportFormat", "There is no export format %q: choose %s or %s.", format, JSONLines, CSV)
}

// writeLine writes c on one line; documents keep their numbers and characters as they are.
func writeLine(w io.Writer, c *gatehouse.Change) error {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(c); err != nil {
		return err
	}
	_, err := w.Write(b.Bytes())
	return err
}

var csvHeader = []string{"seq", "time", "kind", "caller", "callerId", "callerType", "address", "action", "scope", "resource", "type",
	"status", "allowed", "code", "roleAssignment", "denyAssignment", "operationId", "correlationId", "note", "reason", "hash"}

func csvRow(c *gatehouse.Change) []string {
	because := gatehouse.Because{}
	allowed := ""
	if c.Cause.Decision != nil {
		because = *c.Cause.Decision
		allowed = strconv.FormatBool(because.Allowed)
	}
	status := ""
	if c.Status != 0 {
		status = strconv.Itoa(c.Status)
	}
	id := ""
	if !c.Cause.Caller.ID.IsZero() {
		id = c.Cause.Caller.ID.String()
	}
	row := []string{strconv.FormatInt(c.Seq, 10), c.Time.Format(time.RFC3339Nano), string(c.Kind), c.Cause.Caller.Name, id,
		string(c.Cause.Caller.Type), c.Cause.Caller.Address, c.Cause.Action, c.Cause.Scope, c.Resource, c.Type,
		status, allowed, because.Code, because.Grant, because.Deny, c.Cause.Operation, c.Cause.Correlation, c.Note, c.Cause.Reason, c.Hash}
	for i := range row {
		row[i] = plainCell(row[i])
	}
	return row
}

// plainCell keeps a spreadsheet from taking text that somebody chose for a formula.
func plainCell(s string) string {
	if s != "" && bytes.IndexByte([]byte("=+-@\t\r"), s[0]) >= 0 {
		return "'" + s
	}
	return s
}
