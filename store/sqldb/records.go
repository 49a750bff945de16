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
	if q.First {
		return r.firsts(ctx, q, yield)
	}
	few, err := r.few(ctx, q.Under)
	if err != nil {
		return err
	}
	query, args := recordQuery(q, few)
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

// fewChanges is up to how many changes below a scope are looked up one by one;
// when there are more, reading along the log meets them soon enough.
const fewChanges = 5000

// below selects what lies at or below $1; $2 and $3 are $1 with a slash, and with
// what sorts after a slash. Names like rg-1 sort between rg and rg/.
const below = `%[1]s >= $1 AND %[1]s < $3 AND (%[1]s = $1 OR %[1]s > $2)`

var seqsBelow = fmt.Sprintf(`SELECT seq FROM changes WHERE `+below+` UNION ALL SELECT seq FROM changes WHERE scope <> resource AND `+
	strings.ReplaceAll(below, `%[1]s`, `%[2]s`), "resource", "scope")

// few reports whether the indexes on resource and scope are the quicker way to what lies below a scope.
func (r *reader) few(ctx context.Context, under string) (bool, error) {
	if under == "" {
		return false, nil
	}
	var n int
	query := fmt.Sprintf(`SELECT count(*) FROM (%s LIMIT %d) AS found`, seqsBelow, fewChanges+1)
	err := r.one(ctx, query, []any{under, under + "/", under + "0"}, &n)
	return n <= fewChanges, err
}

// firsts reads the first record of each resource of a type; there can be very many, so
// only what they are read for. What the statement says of kinds has to be what the index says.
func (r *reader) firsts(ctx context.Context, q store.RecordRange, yield func(*store.Record) bool) error {
	const query = `SELECT seq, record FROM changes WHERE seq IN (SELECT min(seq) FROM changes
		WHERE kind IN ('write', 'delete') AND type = $1 AND seq > $2 AND seq < $3 GROUP BY resource)`
	return r.each(ctx, query, []any{q.Type, q.After, q.Before}, func(rows *sql.Rows) (bool, error) {
		c := &store.Record{}
		err := rows.Scan(&c.Seq, &c.Body)
		return err == nil && yield(c), err
	})
}

// recordQuery builds the statement from fixed parts; values are arguments.
func recordQuery(q store.RecordRange, few bool) (string, []any) {
	var b strings.Builder
	var args []any
	b.WriteString(`SELECT ` + recordColumns + ` FROM changes WHERE `)
	if q.Under != "" { // first, for its arguments are numbered
		args = append(args, q.Under, q.Under+"/", q.Under+"0")
		if few {
			b.WriteString(`seq IN (` + seqsBelow + `) AND `)
		} else {
			fmt.Fprintf(&b, `(`+below+` OR `+strings.ReplaceAll(below, `%[1]s`, `%[2]s`)+`) AND `, "resource", "scope")
		}
	}
	args = append(args, q.After, q.Before)
	fmt.Fprintf(&b, `seq > $%d AND seq < $%d`, len(args)-1, len(args))
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
	b.WriteString(` ORDER BY seq`)
	if q.Descending {
		b.WriteString(` DESC`)
	}
	args = append(args, limit(q.Limit))
	fmt.Fprintf(&b, ` LIMIT $%d`, len(args))
	return b.String(), args
}
