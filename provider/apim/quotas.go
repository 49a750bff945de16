package apim

import (
	"math"
	"strconv"
	"time"

	"gatehouse"
	"gatehouse/analytics"
	"gatehouse/arm"
	"gatehouse/jsondoc"
)

// quotas are what gateways counted against quota policies, by the key of a counter and by
// period (apim-control-plane.md 2.6). Counters come from traffic; here they are read and set.
func (p *provider) quotas() *arm.Type {
	return &arm.Type{
		Segment: "quotas", Shape: "get patch", Noun: "QuotaCounter", Do: map[arm.Verb]arm.Handler{arm.Get: p.readQuota, arm.Patch: p.setQuota},
		Holds: []*arm.Type{{
			Segment: "periods", Shape: "get patch", Noun: "QuotaCounter", Do: map[arm.Verb]arm.Handler{arm.Get: p.readQuota, arm.Patch: p.setQuota},
		}},
	}
}

// quotaOf is what a path names: a counter of a service, and one period of it or "" for all.
func quotaOf(op *arm.Op) (service, counter, period string, err error) {
	of := op.ID
	if of.Parent().Scope() != serviceOf(of).Scope() {
		of, period = of.Parent(), of.Name()
	}
	service, err = statisticsOf(op, of.Parent())
	return service, of.Name(), period, err
}

func (p *provider) readQuota(op *arm.Op) (*arm.Answer, error) {
	service, counter, period, err := quotaOf(op)
	if err != nil {
		return nil, err
	}
	list, err := p.analytics.Quotas(op.Context, service, counter, period)
	if err != nil {
		return nil, err
	}
	if period != "" {
		if len(list) == 0 {
			return nil, notFound("QuotaCounter")
		}
		return arm.OK(quotaItem(&list[0])), nil
	}
	items := []jsondoc.Value{}
	for i := range list {
		items = append(items, quotaItem(&list[i]))
	}
	a := arm.ListOf(items)
	a.Body.(*jsondoc.Object).Set("count", jsondoc.Number(strconv.Itoa(len(items))))
	return a, nil
}

func quotaItem(q *analytics.Quota) *jsondoc.Object {
	return object("counterKey", q.Counter, "periodKey", q.Period, "periodStartTime", q.Start.Format(time.RFC3339), "periodEndTime", q.End.Format(time.RFC3339),
		"value", object("callsCount", jsondoc.Number(strconv.FormatInt(q.Calls, 10)), "kbTransferred", jsondoc.Number(strconv.FormatFloat(q.Kilobytes, 'f', -1, 64))))
}

// setQuota gives counters other values and answers what they are then. The change log has it before it counts.
func (p *provider) setQuota(op *arm.Op) (*arm.Answer, error) {
	body, err := op.Body()
	if err != nil {
		return nil, err
	}
	calls, kilobytes, err := quotaValues(body)
	if err != nil {
		return nil, err
	}
	service, counter, period, err := quotaOf(op)
	if err != nil {
		return nil, err
	}
	if period != "" {
		if _, err := p.readQuota(op); err != nil {
			return nil, err
		}
	}
	if err := op.Record("quota counter set: " + string(jsondoc.Marshal(body))); err != nil {
		return nil, err
	}
	if err := p.analytics.SetQuota(op.Context, service, counter, period, calls, kilobytes); err != nil {
		return nil, err
	}
	return p.readQuota(op)
}

func quotaValues(body *jsondoc.Object) (calls *int64, kilobytes *float64, err error) {
	var faults []*gatehouse.Error
	read := func(member string) *float64 {
		v, ok := body.Lookup("properties." + member)
		if !ok || v == nil {
			return nil
		}
		n, isNumber := v.(jsondoc.Number)
		f, err := strconv.ParseFloat(string(n), 64)
		if !isNumber || err != nil || f < 0 || f > 1<<53 {
			faults = append(faults, gatehouse.Errorf(gatehouse.Invalid, "ValidationError", "%s has to be a number that is not negative", member).At(member))
		}
		return &f
	}
	count, kilobytes := read("callsCount"), read("kbTransferred")
	if count != nil && *count != math.Trunc(*count) {
		faults = append(faults, gatehouse.Errorf(gatehouse.Invalid, "ValidationError", "callsCount has to be a whole number").At("callsCount"))
	}
	if len(faults) > 0 {
		return nil, nil, validationError(faults)
	}
	if count != nil {
		whole := int64(*count)
		calls = &whole
	}
	return calls, kilobytes, nil
}
