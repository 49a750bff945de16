package apim

import (
	_ "embed"
	"strings"
	"sync"

	"gatehouse/arm"
)

// The published facts about every type and body, written by gen.
var (
	//go:embed data/types.tsv
	typesTable string
	//go:embed data/models.txt
	modelsTable string
)

// published completes the declaration of a type with what the tables know: its
// verbs, body, filter, entity tags and whether lists are counted. Path is that of
// the type below the provider, for example service/apis/operations; the same
// declaration may hang elsewhere too. More holds fields that the tables lack or
// that mean more than they say (required, secret, default), as lines of a model. What t says itself stays.
func published(path, more string, t arm.Type) *arm.Type {
	row, ok := typeRows()[path]
	if !ok {
		panic("apim: the tables know no type " + path)
	}
	t.Segment = lastPart(path)
	if t.Shape == "" {
		t.Shape = row.shape
	}
	if t.Filter == "" {
		t.Filter = row.filter
	}
	if t.Model == nil {
		t.Model = arm.NewModel(body(row.put, row.patch) + more)
	}
	t.ETag, t.Match, t.Count = row.etag, row.match, row.count
	return &t
}

// typeRow is a line of types.tsv.
type typeRow struct {
	shape              arm.Shape
	put, patch         string // models
	filter             string
	etag, match, count bool
}

var typeRows = sync.OnceValue(func() map[string]typeRow {
	rows := map[string]typeRow{}
	for line := range strings.Lines(typesTable) {
		cells := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		if len(cells) < 9 || cells[0] == "path" {
			continue
		}
		rows[cells[0]] = typeRow{shape: arm.Shape(strings.ToLower(cells[1])), put: cells[2], patch: cells[3],
			etag: cells[4] != "", match: cells[5] != "", count: cells[6] != "", filter: cells[8]}
	}
	return rows
})

// models are the sections of models.txt by name.
var models = sync.OnceValue(func() map[string][]string {
	sections := map[string][]string{}
	name := ""
	for line := range strings.Lines(modelsTable) {
		line = strings.TrimSpace(line)
		switch {
		case line == "" || strings.HasPrefix(line, "#"):
		case strings.HasPrefix(line, "["):
			name = strings.Trim(line, "[]")
		default:
			sections[name] = append(sections[name], line)
		}
	}
	return sections
})

// body is the model of what may be written: that of PUT, and what only PATCH knows.
func body(put, patch string) string {
	known := map[string]bool{}
	var lines []string
	for i, section := range [][]string{models()[put], models()[patch]} {
		for _, line := range section {
			path, _, _ := strings.Cut(line, " ")
			if known[path] {
				continue
			}
			known[path] = true
			if i > 0 {
				line = strings.Replace(line, " required", "", 1)
			}
			lines = append(lines, line)
		}
	}
	return strings.Join(lines, "\n") + "\n"
}
