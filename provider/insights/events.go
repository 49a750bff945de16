package insights

import (
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	"gatehouse"
	"gatehouse/arm"
	"gatehouse/audit"
	"gatehouse/jsondoc"
	"gatehouse/rbac/builtin"
)

// page is how many events an answer holds at most.
const page = 500

// kept is how far back a list without a start goes, as long as Azure keeps the log (rbac.md section 10).
const kept = 90 * 24 * time.Hour

// values lists events, newest first. A page's token fixes the end of the period
// that was asked for, so that events which happen meanwhile do not shift the rest.
func (p *provider) values(op *arm.Op) (*arm.Answer, error) {
	filter, err := audit.ParseFilter(op.Query.Get("$filter"))
	if err != nil {
		return nil, err
	}
	start, err := place(op, &filter)
	if err != nil {
		return nil, err
	}
	log := audit.Log{Store: p.store, Tenant: op.Server.TenantID.String(), Name: operationName}
	selected := fields(op.Query.Get("$select"))
	items, skip := []jsondoc.Value{}, start
	// The operation's ID is .../providers/Microsoft.Insights/eventtypes/management: the log is that of its parent.
	for e, err := range log.Events(op.Context, op.ID.Parent().Scope(), filter) {
		if err != nil {
			return nil, err
		}
		if skip > 0 {
			skip--
			continue
		}
		if len(items) == page {
			a := arm.ListOf(items)
			a.Body.(*jsondoc.Object).Set("nextLink", op.NextLink(fmt.Sprintf("%d|%s", start+page, filter.Until.Format(time.RFC3339Nano))))
			return a, nil
		}
		item, err := jsondoc.From(e)
		if err != nil {
			return nil, err
		}
		items = append(items, pick(item, selected))
	}
	return arm.ListOf(items), nil
}

// place reads where a page starts, and completes the period of the filter.
func place(op *arm.Op, f *audit.Filter) (start int, err error) {
	if f.Until.IsZero() {
		f.Until = op.Now
	}
	if f.Since.IsZero() {
		f.Since = op.Now.Add(-kept)
	}
	text, err := op.Place()
	if err != nil || text == "" {
		return 0, err
	}
	n, until, ok := strings.Cut(text, "|")
	start, numErr := strconv.Atoi(n)
	end, timeErr := time.Parse(time.RFC3339Nano, until)
	if numErr != nil || timeErr != nil || !ok || start < 0 {
		return 0, arm.BadSkipToken()
	}
	f.Until = end
	return start, nil
}

func fields(text string) []string {
	var out []string
	for _, name := range strings.Split(text, ",") {
		if name = strings.TrimSpace(name); name != "" {
			out = append(out, name)
		}
	}
	return out
}

// pick keeps the members that $select names; none keeps all.
func pick(v jsondoc.Value, names []string) jsondoc.Value {
	o, ok := v.(*jsondoc.Object)
	if !ok || len(names) == 0 {
		return v
	}
	out := &jsondoc.Object{}
	for _, name := range names {
		if member, ok := o.Get(name); ok {
			out.Set(o.Spelling(name), member)
		}
	}
	return out
}

// operationName is what the catalogue calls an action.
func operationName(action string) string {
	if name := operationNames()[gatehouse.Fold(action)]; name != "" {
		return name
	}
	return action
}

var operationNames = sync.OnceValue(func() map[string]string {
	names := map[string]string{}
	for _, o := range builtin.Operations() {
		names[gatehouse.Fold(o.Name)] = o.DisplayName
	}
	return names
})

// categories are those of Azure; Gatehouse writes administrative events only.
func categories(*arm.Op) (*arm.Answer, error) {
	return arm.ListOf([]jsondoc.Value{jsondoc.NewObject("value", "Administrative", "localizedValue", "Administrative")}), nil
}
