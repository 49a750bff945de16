package arm

import (
	"fmt"
	"strconv"

	"gatehouse/jsondoc"
	"gatehouse/store"
)

// Part is a stretch of a list that is made of several: what to select, which of it to
// keep, and the resource that a document is shown and filtered as. One that From calls NotFound is left out.
type Part struct {
	Query store.Query
	Keep  func(r *Resource) bool // nil keeps all
	From  func(d *store.Document) (*Resource, error)
}

// PageParts answers the parts one after the other as one list, like Page; show makes the item, Op.Show when it is nil.
func (op *Op) PageParts(parts []Part, show func(*Resource) *jsondoc.Object) (*Answer, error) {
	l, err := op.listing(store.Query{})
	if err != nil {
		return nil, err
	}
	first, after, err := partOf(l.query.After, len(parts))
	if err != nil {
		return nil, err
	}
	l.show = show
	always, next, last := l.keep, "", first // last is the part that the last item is of
	for i, p := range parts {
		l.query, l.from, l.keep = p.Query, p.From, always
		if p.Keep != nil {
			l.keep = append(always[:len(always):len(always)], p.Keep)
		}
		if l.counted() {
			if err := l.total(); err != nil {
				return nil, err
			}
		}
		if i < first || next != "" {
			continue
		}
		if i == first {
			l.query.After = after
		}
		before := l.last
		full, err := l.fill()
		if err != nil {
			return nil, err
		}
		if l.last != before {
			last = i
		}
		if full {
			next = op.NextLink(fmt.Sprint("/", last, l.last))
		}
	}
	return l.answer(l.items, next), nil
}

// partOf reads where a page starts: /{part}{key}.
func partOf(place string, parts int) (part int, after string, err error) {
	if place == "" {
		return 0, "", nil
	}
	end := 1
	for end < len(place) && place[end] != '/' {
		end++
	}
	part, err = strconv.Atoi(place[1:end])
	if err != nil || part < 0 || part >= parts || end == len(place) {
		return 0, "", BadSkipToken()
	}
	return part, place[end:], nil
}
