package analytics

import (
	"context"
	"database/sql"
	"errors"
	"sync"

	"gatehouse"
)

// names remembers which number stands for which text.
type names struct {
	mu    sync.Mutex
	ids   map[string]int64
	texts map[int64]string
}

// maxNames bounds what is remembered; beyond it the database is asked again.
const maxNames = 100_000

func (n *names) id(text string) (int64, bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	id, ok := n.ids[text]
	return id, ok
}

func (n *names) text(id int64) (string, bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	text, ok := n.texts[id]
	return text, ok
}

func (n *names) learn(id int64, text string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if len(n.ids) >= maxNames {
		clear(n.ids)
		clear(n.texts)
	}
	n.ids[text], n.texts[id] = id, text
}

func (n *names) forget() {
	n.mu.Lock()
	defer n.mu.Unlock()
	clear(n.ids)
	clear(n.texts)
}

// number is the number of a text, given out when it has none.
func (s *Store) number(tx *sql.Tx, text string) (int64, error) {
	if id, ok := s.names.id(text); ok {
		return id, nil
	}
	var id int64
	err := tx.QueryRow(`SELECT id FROM names WHERE text = $1`, text).Scan(&id)
	if errors.Is(err, sql.ErrNoRows) {
		err = tx.QueryRow(`INSERT INTO names (text, folded) VALUES ($1, $2) RETURNING id`, text, gatehouse.Fold(text)).Scan(&id)
	}
	if err != nil {
		return 0, err
	}
	s.names.learn(id, text)
	return id, nil
}

// spelled is the text of a number.
func (s *Store) spelled(ctx context.Context, id int64) (string, error) {
	if text, ok := s.names.text(id); ok {
		return text, nil
	}
	var text string
	if err := s.db.QueryRowContext(ctx, `SELECT text FROM names WHERE id = $1`, id).Scan(&text); err != nil {
		return "", err
	}
	s.names.learn(id, text)
	return text, nil
}
