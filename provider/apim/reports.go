package apim

import (
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"gatehouse"
	"gatehouse/analytics"
	"gatehouse/arm"
	"gatehouse/jsondoc"
	"gatehouse/odata"
)

// report is one of the views of what a gateway counted (apim-control-plane.md 2.8).
type report struct {
	by     []analytics.Field
	named  analytics.Field // whose name is shown; "" for none
	orders string          // what $orderby may name
}

const orderable = "displayName name callCountSuccess callCountBlocked callCountFailed callCountOther callCountTotal bandwidth apiTimeAvg"

var reports = map[string]report{
	"byApi":          {by: []analytics.Field{analytics.API}, named: analytics.API, orders: orderable},
	"byGeo":          {by: []analytics.Field{analytics.Country, analytics.Region, analytics.Zip}, orders: "bandwidth"},
	"byOperation":    {by: []analytics.Field{analytics.API, analytics.Operation}, named: analytics.Operation, orders: orderable},
	"byProduct":      {by: []analytics.Field{analytics.Product}, named: analytics.Product, orders: orderable},
	"byRequest":      {},
	"bySubscription": {by: []analytics.Field{analytics.User, analytics.Product, analytics.Subscription}, named: analytics.Subscription, orders: orderable},
	"byTime":         {orders: "bandwidth timestamp"},
	"byUser":         {by: []analytics.Field{analytics.User}, named: analytics.User, orders: orderable},
}

// reportTypes is the type of the reports: each is read by its name, and nothing is written.
func (p *provider) reportTypes() *arm.Type {
	t := &arm.Type{Segment: "reports", Shape: arm.Singular, Noun: "Report", Do: map[arm.Verb]arm.Handler{arm.Get: p.report}}
	for name := range reports {
		t.Name.Only = append(t.Name.Only, name)
	}
	slices.Sort(t.Name.Only)
	return t
}

func (p *provider) report(op *arm.Op) (*arm.Answer, error) {
	for name, r := range reports {
		if !strings.EqualFold(name, op.ID.Name()) {
			continue
		}
		q, err := reportQuery(op, name)
		if err != nil {
			return nil, err
		}
		switch name {
		case "byRequest":
			return p.requestReport(op, q)
		case "byTime":
			return p.timeReport(op, r, q)
		}
		return p.sumReport(op, r, q, 0)
	}
	return nil, notFound("Report")
}

// StatisticsKey is what a gateway counts a service by. One that is made anew under an old
// name is another, so that nobody reads the past of somebody else's.
func StatisticsKey(service *arm.Resource) string {
	return service.ID.Scope().String() + " " + service.Props().String("createdAtUtc")
}

func statisticsOf(op *arm.Op, service gatehouse.ID) (string, error) {
	if err := op.Exists(op.Store(), service); err != nil {
		return "", err
	}
	r, err := op.Load(op.Store(), service)
	if err != nil {
		return "", err
	}
	return StatisticsKey(r), nil
}

func reportQuery(op *arm.Op, name string) (q analytics.Query, err error) {
	if q.Service, err = statisticsOf(op, op.ID.Parent()); err != nil {
		return q, err
	}
	text := op.Query.Get("$filter")
	if text == "" {
		return q, validation("$filter", "A report needs $filter, such as timestamp ge datetime'2026-01-31T00:00:00' and timestamp le datetime'2026-02-01T00:00:00'")
	}
	e, err := odata.Parse(text)
	if err != nil {
		return q, err
	}
	if err := reportRules(name).Check(e); err != nil {
		return q, err
	}
	for _, part := range odata.Conjuncts(e) {
		if err := narrow(&q, part); err != nil {
			return q, err
		}
	}
	completeOperations(&q)
	return q, nil
}

// byApi's fields are described in words only; they are those of the others.
const apiReportFilter = "timestamp(ge,le) apiRegion(eq) userId(eq) productId(eq) subscriptionId(eq) apiId(eq) operationId(eq)"

func reportRules(name string) *odata.Rules {
	filter := typeRows()["service/reports/"+name].filter
	if filter == "" {
		filter = apiReportFilter
	}
	rules := &odata.Rules{Fields: map[string]string{}, Or: true}
	for field := range strings.FieldsSeq(filter) {
		name, allowed, _ := strings.Cut(strings.TrimSuffix(field, ")"), "(")
		rules.Fields[name] = strings.ReplaceAll(allowed, ",", " ")
	}
	return rules
}

// narrow takes one operand of the outermost "and" into a query: a bound of the time, or
// the values of a field, as one equality or several joined by "or".
func narrow(q *analytics.Query, e odata.Expr) error {
	if b, ok := e.(*odata.Binary); ok && (b.Op == odata.Ge || b.Op == odata.Le) {
		return narrowTime(q, b)
	}
	name, values, ok := oneOfValues(e)
	f, known := reportFields[strings.ToLower(name)]
	if !ok || !known {
		return badReportFilter("a report takes bounds of timestamp and values of fields joined by and; or joins values of one field")
	}
	if q.Where == nil {
		q.Where = map[analytics.Field][]string{}
	}
	for i, v := range values {
		values[i] = f.value(v)
	}
	if before, twice := q.Where[f.field]; twice {
		values = slices.DeleteFunc(values, func(v string) bool {
			return !slices.ContainsFunc(before, func(b string) bool { return strings.EqualFold(b, v) })
		})
	}
	q.Where[f.field] = values
	return nil
}

func narrowTime(q *analytics.Query, b *odata.Binary) error {
	_, isField := b.Left.(*odata.Field)
	literal, isValue := b.Right.(*odata.Literal)
	if !isField || !isValue {
		return badReportFilter("write bounds as timestamp ge datetime'…' and timestamp le datetime'…'")
	}
	at, isTime := literal.Value.(time.Time)
	if !isTime {
		for _, layout := range []string{time.RFC3339, "2006-01-02T15:04:05", "2006-01-02"} {
			if t, err := time.Parse(layout, literal.Text()); err == nil {
				at, isTime = t, true
				break
			}
		}
	}
	switch {
	case !isTime:
		return badReportFilter("'" + literal.Text() + "' is no date and time")
	case b.Op == odata.Ge && at.After(q.From):
		q.From = at
	case b.Op == odata.Le && (q.To.IsZero() || at.Before(q.To)):
		q.To = at
	}
	return nil
}

func badReportFilter(why string) error {
	return gatehouse.Errorf(gatehouse.Invalid, "InvalidFilterInQueryString", "Invalid $filter: %s.", why).At("$filter")
}

// oneOfValues takes apart "field eq a or field eq b".
func oneOfValues(e odata.Expr) (field string, values []string, ok bool) {
	if b, is := e.(*odata.Binary); is && b.Op == odata.Or {
		left, some, ok := oneOfValues(b.Left)
		right, more, also := oneOfValues(b.Right)
		return left, append(some, more...), ok && also && strings.EqualFold(left, right)
	}
	field, literal, ok := odata.Equality(e)
	if !ok {
		return "", nil, false
	}
	return field, []string{literal.Text()}, true
}

// reportField says where a field of $filter and of items is counted. Ids are kept relative to the service.
type reportField struct {
	field  analytics.Field
	family string
}

var reportFields = map[string]reportField{
	"apiid":          {analytics.API, "apis"},
	"operationid":    {analytics.Operation, "operations"},
	"productid":      {analytics.Product, "products"},
	"userid":         {analytics.User, "users"},
	"subscriptionid": {analytics.Subscription, "subscriptions"},
	"apiregion":      {analytics.Gateway, ""},
}

// value is what a caller gave as it was counted: an id in full, relative or as a mere
// name; "-" for none. The name of an operation waits for that of its API.
func (f reportField) value(given string) string {
	if i := strings.Index(strings.ToLower(given), "/providers/microsoft.apimanagement/service/"); i >= 0 {
		_, given, _ = strings.Cut(given[i+len("/providers/microsoft.apimanagement/service/"):], "/")
		given = "/" + given
	}
	switch {
	case lastPart("/"+given) == "-":
		return ""
	case f.family == "" || strings.HasPrefix(given, "/"):
		return given
	case f.family == "operations":
		return "*/operations/" + given
	}
	return "/" + f.family + "/" + given
}

// completeOperations puts names of operations together with the APIs that were given.
func completeOperations(q *analytics.Query) {
	var whole []string
	for _, v := range q.Where[analytics.Operation] {
		rest, open := strings.CutPrefix(v, "*")
		if apis := q.Where[analytics.API]; open && len(apis) > 0 {
			for _, api := range apis {
				whole = append(whole, api+rest)
			}
			continue
		}
		whole = append(whole, v)
	}
	if whole != nil {
		q.Where[analytics.Operation] = whole
	}
}

// timeReport cuts what a query selects into intervals.
func (p *provider) timeReport(op *arm.Op, r report, q analytics.Query) (*arm.Answer, error) {
	text := op.Query.Get("interval")
	every, ok := timeSpan(text)
	if !ok || every <= 0 || every%analytics.Quarter != 0 {
		return nil, validation("interval", "interval has to be an ISO 8601 duration that is a multiple of 15 minutes, such as PT15M or P1D; it is '%s'", text)
	}
	return p.sumReport(op, r, q, every)
}

// sumReport answers a page of sums. A place in it is how many rows came before.
func (p *provider) sumReport(op *arm.Op, r report, q analytics.Query, every time.Duration) (*arm.Answer, error) {
	orders, err := reportOrder(op.Query.Get("$orderby"), r.orders)
	if err != nil {
		return nil, err
	}
	skip, top, err := reportPage(op, 100, 1000)
	if err != nil {
		return nil, err
	}
	rows, err := p.analytics.Report(op.Context, q, r.by, every)
	if err != nil {
		return nil, err
	}
	slices.SortFunc(rows, func(a, b analytics.Row) int { return strings.Compare(rowKey(&a, r.by), rowKey(&b, r.by)) })
	called := reportNames{op: op, known: map[string]string{}}
	odata.Sort(rows, orders, func(row analytics.Row, path string) (any, bool) { return orderValue(&called, r, &row, path), true })
	page := []jsondoc.Value{}
	for i := min(skip, len(rows)); i < min(skip+top, len(rows)); i++ {
		page = append(page, reportItem(&called, r, &rows[i]))
	}
	a := arm.ListOf(page)
	body := a.Body.(*jsondoc.Object)
	body.Set("count", jsondoc.Number(strconv.Itoa(len(rows))))
	if skip+top < len(rows) {
		body.Set("nextLink", op.NextLink(strconv.Itoa(skip+top)))
	}
	return a, nil
}

func reportPage(op *arm.Op, usual, most int) (skip, top int, err error) {
	if top, err = op.Query.Number("$top", 1, usual); err != nil {
		return 0, 0, err
	}
	if skip, err = op.Query.Number("$skip", 0, 0); err != nil {
		return 0, 0, err
	}
	place, err := op.Place()
	if err != nil {
		return 0, 0, err
	}
	if place != "" {
		if skip, err = strconv.Atoi(place); err != nil || skip < 0 {
			return 0, 0, arm.BadSkipToken()
		}
	}
	return min(skip, math.MaxInt32), min(top, most), nil
}

// reportOrder reads $orderby: fields with asc or desc, separated by commas.
func reportOrder(text, allowed string) (orders []odata.Order, err error) {
	for item := range strings.SplitSeq(text, ",") {
		words := strings.Fields(item)
		if len(words) == 0 {
			continue
		}
		i := slices.IndexFunc(strings.Fields(allowed), func(name string) bool { return strings.EqualFold(name, words[0]) })
		desc := len(words) == 2 && strings.EqualFold(words[1], "desc")
		if i < 0 || len(words) > 2 || len(words) == 2 && !desc && !strings.EqualFold(words[1], "asc") {
			return nil, validation("$orderby", "$orderby takes these fields with asc or desc, separated by commas: %s", strings.Join(strings.Fields(allowed), ", "))
		}
		orders = append(orders, odata.Order{Path: strings.Fields(allowed)[i], Desc: desc})
	}
	return orders, nil
}

// rowKey is the order of rows that nobody ordered: by time, then by ids.
func rowKey(row *analytics.Row, by []analytics.Field) string {
	key := row.Start.Format(time.RFC3339)
	for _, f := range by {
		key += "\n" + gatehouse.Fold(row.Keys[f])
	}
	return key
}

func orderValue(called *reportNames, r report, row *analytics.Row, path string) any {
	switch path {
	case "displayName", "name":
		return called.of(row.Keys[r.named])
	case "timestamp":
		return row.Start
	}
	for _, m := range measures(&row.Sums) {
		if m.name == path {
			return odata.Number(m.text)
		}
	}
	return nil
}

type measure struct{ name, text string }

// measures are the numbers of a row, in the order of the published model.
func measures(s *analytics.Sums) []measure {
	whole := func(n int64) string { return strconv.FormatInt(n, 10) }
	return []measure{{"callCountSuccess", whole(s.Success)}, {"callCountBlocked", whole(s.Blocked)}, {"callCountFailed", whole(s.Failed)},
		{"callCountOther", whole(s.Other)}, {"callCountTotal", whole(s.Calls())}, {"bandwidth", whole(s.Bytes)},
		{"cacheHitCount", whole(s.CacheHits)}, {"cacheMissCount", whole(s.CacheMisses)},
		{"apiTimeAvg", decimal(s.TotalAvg())}, {"apiTimeMin", decimal(s.TotalMin)}, {"apiTimeMax", decimal(s.TotalMax)},
		{"serviceTimeAvg", decimal(s.BackendAvg())}, {"serviceTimeMin", decimal(s.BackendMin)}, {"serviceTimeMax", decimal(s.BackendMax)}}
}

// decimal is a time in milliseconds as reports give it: to the ten-thousandth.
func decimal(v float64) string { return strconv.FormatFloat(math.Round(v*1e4)/1e4, 'f', -1, 64) }

func reportItem(called *reportNames, r report, row *analytics.Row) *jsondoc.Object {
	o := object()
	if r.named != "" {
		o.Set("name", called.of(row.Keys[r.named]))
	}
	if !row.Start.IsZero() {
		o.Set("timestamp", row.Start.Format(time.RFC3339))
		o.Set("interval", called.op.Query.Get("interval"))
	}
	for _, f := range r.by {
		setID(o, f, row.Keys)
	}
	for _, m := range measures(&row.Sums) {
		o.Set(m.name, jsondoc.Number(m.text))
	}
	return o
}

// setID sets the member for a field: a relative id, which ends in "-" for none, or plain text.
func setID(o *jsondoc.Object, f analytics.Field, keys map[analytics.Field]string) {
	v := keys[f]
	switch f {
	case analytics.Country, analytics.Region, analytics.Zip:
		o.Set(string(f), v)
	case analytics.Operation:
		o.Set("operationId", orNone(v, orNone(keys[analytics.API], "/apis/-")+"/operations/-"))
	case analytics.API:
		o.Set("apiId", orNone(v, "/apis/-"))
	default:
		o.Set(string(f)+"Id", orNone(v, "/"+string(f)+"s/-"))
	}
}

func orNone(id, none string) string {
	if id == "" {
		return none
	}
	return id
}

// reportNames are how people call what a report is about, each read once.
type reportNames struct {
	op    *arm.Op
	known map[string]string
}

func (n *reportNames) of(id string) string {
	name, ok := n.known[id]
	if !ok {
		name = nameOf(n.op, id)
		n.known[id] = name
	}
	return name
}

// nameOf is how people call what a relative id names; what is gone keeps the name in its id.
func nameOf(op *arm.Op, id string) string {
	if id == "" {
		return "-"
	}
	full, err := gatehouse.ParseID(op.ID.Parent().String() + id)
	if err != nil {
		return lastPart(id)
	}
	r, err := op.Load(op.Store(), full)
	if err != nil {
		return lastPart(id)
	}
	name := r.Props().String("displayName")
	if name == "" {
		name = strings.TrimSpace(r.Props().String("firstName") + " " + r.Props().String("lastName"))
	}
	return orNone(name, lastPart(id))
}

// requestReport lists requests themselves, oldest first, without a link to more: who wants those says $skip.
func (p *provider) requestReport(op *arm.Op, q analytics.Query) (*arm.Answer, error) {
	skip, top, err := reportPage(op, 1000, 10000)
	if err != nil {
		return nil, err
	}
	list, count, err := p.analytics.Requests(op.Context, q, skip, top)
	if err != nil {
		return nil, err
	}
	items := []jsondoc.Value{}
	for i := range list {
		items = append(items, requestItem(&list[i]))
	}
	a := arm.ListOf(items)
	a.Body.(*jsondoc.Object).Set("count", jsondoc.Number(strconv.Itoa(count)))
	return a, nil
}

func requestItem(r *analytics.Request) *jsondoc.Object {
	o := object()
	keys := map[analytics.Field]string{analytics.API: r.API, analytics.Operation: r.Operation, analytics.Product: r.Product,
		analytics.User: r.User, analytics.Subscription: r.Subscription}
	for _, f := range []analytics.Field{analytics.API, analytics.Operation, analytics.Product, analytics.User} {
		setID(o, f, keys)
	}
	o.Set("method", r.Method)
	o.Set("url", r.URL)
	o.Set("ipAddress", r.Address)
	if r.BackendStatus != 0 {
		o.Set("backendResponseCode", strconv.Itoa(r.BackendStatus))
	}
	o.Set("responseCode", jsondoc.Number(strconv.Itoa(r.Status)))
	o.Set("responseSize", jsondoc.Number(strconv.FormatInt(r.ResponseSize, 10)))
	o.Set("timestamp", gatehouse.Timestamp(r.Time))
	o.Set("cache", string(r.Cache))
	o.Set("apiTime", jsondoc.Number(decimal(milliseconds(r.Total))))
	o.Set("serviceTime", jsondoc.Number(decimal(milliseconds(r.Backend))))
	o.Set("apiRegion", r.Gateway)
	setID(o, analytics.Subscription, keys)
	o.Set("requestId", r.ID)
	o.Set("requestSize", jsondoc.Number(strconv.FormatInt(r.RequestSize, 10)))
	return o
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
