package config

import (
	"iter"
	"maps"
	"slices"
)

// Base is what every entity has.
type Base struct {
	// ID is the resource ID below that of the service, as it was first written: /apis/Echo.
	ID  string `json:"id"`
	key Key
}

// Key names the entity within its service.
func (b *Base) Key() Key { return b.key }

// Name is the last part of the ID, as it was first written.
func (b *Base) Name() string {
	for i := len(b.ID) - 1; i >= 0; i-- {
		if b.ID[i] == '/' {
			return b.ID[i+1:]
		}
	}
	return b.ID
}

func (b *Base) base() *Base { return b }

// SetID names the entity; whoever makes one calls it before others see it.
func (b *Base) SetID(relative string) { b.ID, b.key = relative, KeyOf(relative) }

// Entity is one of the types of this package that a Config holds: a pointer to a struct with a Base.
type Entity interface {
	Key() Key
	Name() string
	SetID(relative string)
	base() *Base
}

// Table holds the entities of one type. Its zero value is empty.
type Table[E Entity] struct {
	rows map[Key]map[Key]E // by what holds them
	n    int
}

// Get returns the entity with a key; ok is false when there is none.
func (t *Table[E]) Get(k Key) (e E, ok bool) {
	e, ok = t.rows[k.Parent()][k]
	return e, ok
}

// Below are the entities that holder holds itself, in the order of their keys.
func (t *Table[E]) Below(holder Key) []E {
	below := t.rows[holder]
	all := make([]E, 0, len(below))
	for _, k := range slices.Sorted(maps.Keys(below)) {
		all = append(all, below[k])
	}
	return all
}

// All are the entities of the table in no particular order.
func (t *Table[E]) All() iter.Seq[E] {
	return func(yield func(E) bool) {
		for _, below := range t.rows {
			for _, e := range below {
				if !yield(e) {
					return
				}
			}
		}
	}
}

// Len is how many there are.
func (t *Table[E]) Len() int { return t.n }

// table is a Table whatever its type.
type table interface {
	fresh() Entity
	put(Entity)
	drop(Key)
	each(yield func(Entity) bool) bool
}

// column is a Table with the way to make one of its entities.
type column[E Entity] struct {
	*Table[E]
	make func() E
}

func (c column[E]) fresh() Entity { return c.make() }

func (c column[E]) put(e Entity) {
	k, t := e.Key(), c.Table
	if t.rows == nil {
		t.rows = map[Key]map[Key]E{}
	}
	below := t.rows[k.Parent()]
	if below == nil {
		below = map[Key]E{}
		t.rows[k.Parent()] = below
	}
	if _, there := below[k]; !there {
		t.n++
	}
	below[k] = e.(E)
}

func (c column[E]) drop(k Key) {
	below := c.rows[k.Parent()]
	if _, there := below[k]; !there {
		return
	}
	c.n--
	if delete(below, k); len(below) == 0 {
		delete(c.rows, k.Parent())
	}
}

func (c column[E]) each(yield func(Entity) bool) bool {
	for e := range c.All() {
		if !yield(e) {
			return false
		}
	}
	return true
}
