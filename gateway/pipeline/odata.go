package pipeline

import (
	"errors"
	"slices"
	"strconv"
	"strings"

	"gatehouse/gateway/contract"
	"gatehouse/gateway/contract/edm"
	"gatehouse/policy"
)

// validateOData is validate-odata-request (gateway.md 8.2).
type validateOData struct {
	variable, assumed, least, most Text
	size                           Whole
}

func compileValidateOData(k *Compiler, e *policy.Element) Step {
	v := &validateOData{k.Text(e, "error-variable-name"), k.Text(e, "default-odata-version"), k.Text(e, "min-odata-version"), k.Text(e, "max-odata-version"), k.Whole(e, "max-size")}
	for name, t := range map[string]*Text{"default-odata-version": &v.assumed, "min-odata-version": &v.least, "max-odata-version": &v.most} {
		if t.Given() && t.Literal() && versionOf(t.text) < 0 {
			k.Warn("The '" + name + "' attribute of validate-odata-request takes 4.0 or 4.01, so it fails all calls.")
		}
	}
	return v
}

// odataVersions are those that requests may speak, in their order.
var odataVersions = []string{"4.0", "4.01"}

func versionOf(text string) int { return slices.Index(odataVersions, strings.TrimSpace(text)) }

// bounds are the versions that a request may speak, as places in odataVersions.
type bounds struct{ assumed, least, most int }

func (v *validateOData) bounds(c *Call) (b bounds, err error) {
	b = bounds{0, 0, len(odataVersions) - 1}
	for _, one := range []struct {
		text *Text
		into *int
	}{{&v.assumed, &b.assumed}, {&v.least, &b.least}, {&v.most, &b.most}} {
		if !one.text.Given() {
			continue
		}
		text, err := one.text.Eval(c)
		if err != nil {
			return b, err
		}
		if *one.into = versionOf(text); *one.into < 0 {
			return b, failed(ReasonExpression, "A version of OData has to be 4.0 or 4.01; it is "+text+".")
		}
	}
	return b, nil
}

func (v *validateOData) Run(c *Call) error {
	b, err := v.bounds(c)
	variable, err2 := v.variable.Eval(c)
	size, err3 := v.size.Eval(c)
	if err := cmpErr(err, err2, err3); err != nil {
		return err
	}
	if c.OData == nil {
		return failed("ODataMetadataUnknown", "The API has no OData metadata, so nothing can be checked against it.")
	}
	model, err := c.OData.Model()
	if err != nil {
		return failed("ODataMetadataUnknown", "Nothing can be checked: "+err.Error()+".")
	}
	var f findings
	b.check(c, &f)
	for _, one := range model.Check(c.Request.Method, c.Request.URL.Path, c.Request.URL.RawQuery) {
		f.add(contract.Violation{Name: one.Name, Type: odataParts[one.In], Rule: one.Rule, Details: one.Details}, prevent)
	}
	if v.size.Given() {
		if err := measure(c, &f, size); err != nil {
			return err
		}
	}
	return f.settle(c, variable, Request)
}

var odataParts = map[edm.Part]string{edm.Path: contract.PathParameter, edm.Query: contract.QueryParameter, edm.Method: "Method"}

// check looks at the headers: the versions, and those that would have the backend take another method than was checked.
func (b bounds) check(c *Call, f *findings) {
	wrong := func(name, rule, details string) {
		f.add(contract.Violation{Name: name, Type: contract.HeaderParameter, Rule: rule, Details: details}, prevent)
	}
	one := func(name string, otherwise int) (version int) {
		values := c.Headers(Request).Values(name)
		switch {
		case len(values) == 0:
			return otherwise
		case len(values) > 1:
			wrong(name, edm.Duplicate, "The header "+name+" is there twice.")
			return otherwise
		}
		if version = versionOf(values[0]); version < 0 {
			wrong(name, contract.Enumeration, "The header "+name+" has to be one of "+strings.Join(odataVersions, ", ")+".")
			return otherwise
		}
		return version
	}
	if spoken := one("OData-Version", b.assumed); spoken < b.least || spoken > b.most {
		wrong("OData-Version", "Range", "The OData version "+odataVersions[spoken]+" is not accepted.")
	}
	if most := one("OData-MaxVersion", b.most); most < b.least {
		wrong("OData-MaxVersion", "Range", "Answers of the OData version "+odataVersions[most]+" are not given.")
	}
	for _, name := range []string{"X-HTTP-Method", "X-HTTP-Method-Override", "X-Method-Override"} {
		if c.Headers(Request).Get(name) != "" {
			wrong(name, edm.Unsupported, "The header "+name+" is not supported.")
		}
	}
}

// measure refuses a body that is larger than it may be.
func measure(c *Call, f *findings, most int64) error {
	body := c.Body(Request)
	if body == nil {
		return nil
	}
	data, err := body.Bytes(true)
	switch {
	case err != nil && !errors.Is(err, errBodyTooLarge):
		return failed(ReasonClientConnection, "The request could not be read: "+err.Error())
	case err != nil || int64(len(data)) > most:
		f.add(contract.Violation{Type: contract.RequestBody, Rule: contract.SizeLimit, Details: "The body is larger than " + strconv.FormatInt(most, 10) + " bytes."}, prevent)
	}
	return nil
}
