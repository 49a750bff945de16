package sqlite

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"strconv"
	"strings"
)

// Migrations are files named by a number and a phrase. They only go forward; a
// released one never changes.
//
//go:embed migrations/*.sql
var migrations embed.FS

// metaSchema is the meta entry that names the newest migration that ran.
const metaSchema = "schema"

const createMeta = `CREATE TABLE IF NOT EXISTS meta (name TEXT NOT NULL PRIMARY KEY, value TEXT NOT NULL) STRICT`

type migration struct {
	version int
	file    string
}

func listMigrations() ([]migration, error) {
	files, err := fs.Glob(migrations, "migrations/*.sql")
	if err != nil {
		return nil, err
	}
	list := make([]migration, len(files))
	for i, file := range files {
		number, _, _ := strings.Cut(strings.TrimPrefix(file, "migrations/"), "_")
		version, err := strconv.Atoi(number)
		if err != nil || version != i+1 {
			return nil, fmt.Errorf("migration %s: expected number %d", file, i+1)
		}
		list[i] = migration{version, file}
	}
	return list, nil
}

// migrate runs what is missing, all in one transaction.
func migrate(ctx context.Context, db *sql.DB) error {
	list, err := listMigrations()
	if err != nil {
		return err
	}
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	if err := runMissing(ctx, tx, list); err != nil {
		return errors.Join(err, tx.Rollback())
	}
	return tx.Commit()
}

func runMissing(ctx context.Context, tx *sql.Tx, list []migration) error {
	if _, err := tx.ExecContext(ctx, createMeta); err != nil {
		return err
	}
	have, err := schemaVersion(ctx, tx)
	if err != nil {
		return err
	}
	if have > len(list) {
		return newerSchema(have, len(list))
	}
	for _, m := range list[have:] {
		text, err := migrations.ReadFile(m.file)
		if err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, string(text)); err != nil {
			return fmt.Errorf("migration %s failed, nothing was changed: %w", m.file, err)
		}
	}
	if have == len(list) {
		return nil
	}
	_, err = tx.ExecContext(ctx, `INSERT INTO meta (name, value) VALUES ($1, $2)
		ON CONFLICT (name) DO UPDATE SET value = excluded.value`, metaSchema, strconv.Itoa(len(list)))
	return err
}

type querier interface {
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

func schemaVersion(ctx context.Context, q querier) (version int, err error) {
	var text string
	err = q.QueryRowContext(ctx, `SELECT value FROM meta WHERE name = $1`, metaSchema).Scan(&text)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	if version, err = strconv.Atoi(text); err != nil {
		return 0, fmt.Errorf("the schema version %q is not a number: the database was changed by another program; restore a backup", text)
	}
	return version, nil
}

// requireSchema is for readers, which cannot migrate.
func requireSchema(ctx context.Context, db *sql.DB) error {
	have, known, err := compareSchema(ctx, db)
	if err == nil && have < known {
		return fmt.Errorf("the database has schema %d, this program reads schema %d: start gatehouse serve of this version once, it brings the schema up to date", have, known)
	}
	return err
}

// compareSchema refuses a schema newer than the newest known.
func compareSchema(ctx context.Context, db *sql.DB) (have, known int, err error) {
	list, err := listMigrations()
	if err != nil {
		return 0, 0, err
	}
	have, err = schemaVersion(ctx, db)
	if err == nil && have > len(list) {
		err = newerSchema(have, len(list))
	}
	return have, len(list), err
}

func newerSchema(have, known int) error {
	return fmt.Errorf("the database has schema %d, this program knows schemas up to %d: a newer Gatehouse wrote it; run that version or newer, or restore a backup made by this one", have, known)
}
