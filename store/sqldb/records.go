package sqldb

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math"
	"strings"

	"gatehouse/store"
)

const recordColumns = `seq, time, kind, resource, scope, type, actor, operation, correlation, hash, secret_before, secret_after, record`

// Records implements store.Rows. Time never falls along the log, so a span of
// time is first turned into a span of sequence numbers.
func (r *reader) Records(ctx context.Context, q store.RecordRange, yield func(*store.Record) bool) error {
	var err error
	if q.Since != 0 {
		var first int64
		if first, err = r.firstAt(ctx, q.Since); err != nil {
			return err
		}
		q.After = max(q.After, first-1)
	}
	if q.Until != 0 {
		var end int64
		if end, err = r.firstAt(ctx, q.Until); err != nil {
			return err
		}
		if q.Before == 0 || end < q.Before {
			q.Before = end
		}
	}
	if q.Before == 0 {
		q.Before = math.MaxInt64
	}
	query, args := recordQuery(q)
	return r.each(ctx, query, args, func(rows *sql.Rows) (bool, error) {
		c := &store.Record{}
		err := rows.Scan(&c.Seq, &c.Time, &c.Kind, &c.Resource, &c.Scope, &c.Type, &c.Actor, &c.Operation, &c.Correlation,
			&c.Hash, &c.SecretBefore, &c.SecretAfter, &c.Body)
		return err == nil && yield(c), err
	})
}

// firstAt returns the first sequence number at or after a time.
func (r *reader) firstAt(ctx context.Context, us int64) (seq int64, err error) {
	err = r.one(ctx, `SELECT seq FROM changes WHERE time >= $1 ORDER BY time, seq LIMIT 1`, []any{us}, &seq)
	if errors.Is(err, store.ErrNoRow) {
		return math.MaxInt64, nil
	}
	return seq, err
}

// recordQuery builds the statement from fixed parts; values are arguments.
func recordQuery(q store.RecordRange) (string, []any) {
	var b strings.Builder
	args := []any{q.After, q.Before}
	b.WriteString(`SELECT ` + recordColumns + ` FROM changes WHERE seq > $1 AND seq < $2`)
	equal := func(column, value string) {
		if value != "" {
			args = append(args, value)
			fmt.Fprintf(&b, ` AND %s = $%d`, column, len(args))
		}
	}
	equal("resource", q.Resource)
	equal("kind", q.Kind)
	equal("type", q.Type)
	equal("actor", q.Actor)
	equal("operation", q.Operation)
	equal("correlation", q.Correlation)
	if q.Under != "" {
		args = append(args, q.Under, q.Under+"/", q.Under+"0")
		n := len(args)
		fmt.Fprintf(&b, ` AND (scope = $%[1]d OR scope > $%[2]d AND scope < $%[3]d OR resource = $%[1]d OR resource > $%[2]d AND resource < $%[3]d)`, n-2, n-1, n)
	}
	b.WriteString(` ORDER BY seq`)
	if q.Descending {
		b.WriteString(` DESC`)
	}
	args = append(args, limit(q.Limit))
	fmt.Fprintf(&b, ` LIMIT $%d`, len(args))
	return b.String(), args
}
