package main

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"gatehouse"
	"gatehouse/jsondoc"
)

// table is rows below column titles, drawn as az draws them (az prints through
// tabulate's form "simple"): titles underlined with dashes, two blanks between
// columns, columns as wide as their widest cell.
type table struct {
	titles []string
	rows   [][]string
}

func (t *table) add(cells ...string) { t.rows = append(t.rows, cells) }

func (t *table) print(w io.Writer) error {
	if len(t.titles) == 0 {
		return nil
	}
	width := make([]int, len(t.titles))
	for _, row := range append(t.rows, t.titles) {
		for i, cell := range row {
			width[i] = max(width[i], utf8.RuneCountInString(cell))
		}
	}
	dashes := make([]string, len(width))
	for i := range width {
		width[i] = max(width[i], utf8.RuneCountInString(t.titles[i])+2) // as tabulate pads a title
		dashes[i] = strings.Repeat("-", width[i])
	}
	var b strings.Builder
	for _, row := range append([][]string{t.titles, dashes}, t.rows...) {
		line(&b, row, width)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// line writes a row; blanks fill all but its last column.
func line(b *strings.Builder, row []string, width []int) {
	var cells strings.Builder
	for i, cell := range row {
		fmt.Fprintf(&cells, "%s%s  ", cell, strings.Repeat(" ", width[i]-utf8.RuneCountInString(cell)))
	}
	b.WriteString(strings.TrimRight(cells.String(), " ") + "\n")
}

// hidden are what az leaves out of a table that it makes up itself.
var hidden = []string{"id", "type", "etag"}

// printTable makes a table of what a query found: a row for each element, a column
// for each member that holds no list or object (knack's _TableOutput).
func printTable(w io.Writer, v jsondoc.Value) error {
	t := &table{}
	var rows []map[string]string
	for _, row := range elements(v) {
		cells := map[string]string{}
		eachCell(row, func(title string, value jsondoc.Value) {
			if !slices.Contains(t.titles, title) {
				t.titles = append(t.titles, title)
			}
			if value != nil {
				cells[title] = oneLine(text(value))
			}
		})
		rows = append(rows, cells)
	}
	if len(rows) == 0 { // an empty line, as az
		_, err := io.WriteString(w, "\n")
		return err
	}
	if len(t.titles) == 0 {
		return usagef("there is nothing in this answer that a table can show: choose columns with --query \"[].{Name:name}\", or another form with -o json")
	}
	for _, cells := range rows {
		row := make([]string, len(t.titles))
		for i, title := range t.titles {
			row[i] = cells[title]
		}
		t.add(row...)
	}
	return t.print(w)
}

func eachCell(row jsondoc.Value, f func(title string, value jsondoc.Value)) {
	switch row := row.(type) {
	case *jsondoc.Object:
		for name, value := range row.All() {
			if value != nil && !nested(value) && !slices.Contains(hidden, name) {
				f(title(name), value)
			}
		}
	case []jsondoc.Value:
		for i, value := range row {
			f(fmt.Sprintf("Column%d", i+1), value)
		}
	default:
		f("Result", row)
	}
}

func title(name string) string {
	first, n := utf8.DecodeRuneInString(name)
	if n == 0 {
		return name
	}
	return string(unicode.ToUpper(first)) + name[n:]
}

// printTSV writes a row an element (knack's _TsvOutput): a list in a row is its length, an object nothing.
func printTSV(w io.Writer, v jsondoc.Value) error {
	var b strings.Builder
	for _, row := range elements(v) {
		for i, cell := range tsvCells(row) {
			if i > 0 {
				b.WriteByte('\t')
			}
			b.WriteString(cell)
		}
		b.WriteByte('\n')
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func tsvCells(row jsondoc.Value) (cells []string) {
	switch row := row.(type) {
	case *jsondoc.Object:
		for _, value := range row.All() {
			cells = append(cells, tsvCell(value))
		}
	case []jsondoc.Value:
		for _, value := range row {
			cells = append(cells, tsvCell(value))
		}
	case bool:
		cells = []string{strings.ToLower(text(row))}
	default:
		cells = []string{text(row)}
	}
	return cells
}

func tsvCell(v jsondoc.Value) string {
	switch v := v.(type) {
	case []jsondoc.Value:
		return fmt.Sprint(len(v))
	case *jsondoc.Object:
		return ""
	}
	return text(v)
}

func elements(v jsondoc.Value) []jsondoc.Value {
	if list, ok := v.([]jsondoc.Value); ok {
		return list
	}
	return []jsondoc.Value{v}
}

func nested(v jsondoc.Value) bool {
	switch v.(type) {
	case *jsondoc.Object, []jsondoc.Value:
		return true
	}
	return false
}

// text is a value in a cell, with az's words for what JSON writes otherwise.
func text(v jsondoc.Value) string {
	switch v := v.(type) {
	case nil:
		return "None"
	case bool:
		return title(fmt.Sprint(v))
	case string:
		return v
	case *jsondoc.Object, []jsondoc.Value:
		return string(jsondoc.Marshal(v))
	}
	return fmt.Sprint(v)
}

// oneLine keeps a cell on its line, and what somebody typed from moving the cursor.
func oneLine(s string) string { return gatehouse.Plain(s) }

// printed is a text of several lines, each as oneLine.
func printed(s string) string {
	lines := strings.Split(s, "\n")
	for i := range lines {
		lines[i] = oneLine(lines[i])
	}
	return strings.Join(lines, "\n")
}
