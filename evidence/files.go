package evidence

import (
	"bytes"
	_ "embed"
	"encoding/csv"
	"encoding/json"
	"html/template"
	"strconv"
	"strings"
	"time"
)

// files are the report in its forms: JSON whole, CSV by part, and one page to read and print.
func (r *Report) files() (map[string][]byte, error) {
	whole, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return nil, err
	}
	var page bytes.Buffer
	if err := pageTemplate.Execute(&page, r); err != nil {
		return nil, err
	}
	files := map[string][]byte{
		"report.json": append(whole, '\n'), "index.html": page.Bytes(),
		"changes.csv": acts(r.Changes), "refusals.csv": acts(r.Refusals),
		"access-begin.csv": access(r.Begin), "access-end.csv": access(r.End), "access-gained.csv": access(r.Gained), "access-lost.csv": access(r.Lost),
	}
	if r.Kind == AccessReview {
		files["review-sheet.csv"] = sheet(r.End)
	}
	if r.Findings != nil {
		files["lint.json"] = append(r.Findings, '\n')
	}
	return files, nil
}

func table(header []string, rows [][]string) []byte {
	var b bytes.Buffer
	w := csv.NewWriter(&b)
	_ = w.Write(header) // a buffer takes everything
	for _, row := range rows {
		for i := range row {
			row[i] = plain(row[i])
		}
		_ = w.Write(row)
	}
	w.Flush()
	return b.Bytes()
}

// plain keeps a spreadsheet from taking text that somebody chose for a formula.
func plain(s string) string {
	if s != "" && strings.ContainsRune("=+-@\t\r", rune(s[0])) {
		return "'" + s
	}
	return s
}

func acts(list []Act) []byte {
	rows := make([][]string, len(list))
	for i, a := range list {
		rows[i] = []string{strconv.FormatInt(a.Seq, 10), a.Time.Format(time.RFC3339), a.Who, a.Address, a.What, a.Where, a.Result, a.Why, a.Reason}
	}
	return table([]string{"seq", "time", "who", "address", "what", "where", "result", "permittedBy", "reason"}, rows)
}

var accessHeader = []string{"principal", "principalId", "type", "role", "scope", "through", "condition", "until", "privileged", "roleAssignment", "actions", "actionsLeft", "denied"}

func access(list []Access) []byte {
	rows := make([][]string, len(list))
	for i := range list {
		rows[i] = list[i].row()
	}
	return table(accessHeader, rows)
}

func (a *Access) row() []string {
	until := ""
	if a.Until != nil {
		until = a.Until.Format(time.RFC3339)
	}
	return []string{a.Principal, a.PrincipalID, a.Type, a.Role, a.Scope, a.Through, a.Condition, until, strconv.FormatBool(a.Privileged), a.Assignment, strconv.Itoa(a.Actions), strconv.Itoa(a.Left), a.DeniedBy()}
}

// sheet is the list for reviewers: a copy of it is filled in.
func sheet(list []Access) []byte {
	rows := make([][]string, len(list))
	for i := range list {
		rows[i] = append(list[i].row(), "", "", "", "")
	}
	return table(append(append([]string{}, accessHeader...), "decision (keep, remove)", "reviewer", "date", "remark"), rows)
}

//go:embed report.html
var pageText string

var pageTemplate = template.Must(template.New("report").Funcs(template.FuncMap{
	"day":  func(t time.Time) string { return t.Format("2 January 2006") },
	"when": func(t time.Time) string { return t.Format("2006-01-02 15:04:05") },
	"share": func(part, whole int) string {
		if whole == 0 {
			return "0 of 0"
		}
		return strconv.Itoa(part) + " of " + strconv.Itoa(whole)
	},
	"minus":      func(a, b int) int { return a - b },
	"privileged": func(list []Access) (out []Access) { return only(list, func(a Access) bool { return a.Privileged }) },
}).Parse(pageText))

func only(list []Access, ok func(Access) bool) (out []Access) {
	for _, a := range list {
		if ok(a) {
			out = append(out, a)
		}
	}
	return out
}

// Title is the heading of the page.
func (r *Report) Title() string {
	return map[string]string{SOC2: "SOC 2 evidence", AccessReview: "Access review"}[r.Kind]
}

// IsSOC2 reports whether controls are listed.
func (r *Report) IsSOC2() bool { return r.Kind == SOC2 }

// Key is the key that signed.
func (r *Report) Key() PublicKey { return r.Checkpoint.Key }

// lintState is the part of lint's report that the page shows.
type lintState struct {
	Findings []struct{ Rule, Severity, Message string }
}

// Lint is the state of lint, nil when it was not asked.
func (r *Report) Lint() *lintState {
	l := &lintState{}
	if r.Findings == nil || json.Unmarshal(r.Findings, l) != nil {
		return nil
	}
	return l
}
