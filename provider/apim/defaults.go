package apim

import (
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"strings"
	"sync"

	"gatehouse"
	"gatehouse/arm"
	"gatehouse/jsondoc"
	"gatehouse/store"
)

// defaultsText is what a new service holds (apim-defaults.md): properties by path
// below the service, parents before children. Consumption starts without the part
// called samples. Texts in braces stand for values of the service.
//
//go:embed data/defaults.json
var defaultsText string

var defaults = sync.OnceValue(func() *jsondoc.Object {
	o, err := jsondoc.ParseObject([]byte(defaultsText))
	if err != nil {
		panic("apim: data/defaults.json: " + err.Error())
	}
	return o
})

// fill writes the default contents of a new service, in the transaction that makes it.
func fill(op *arm.Op, tx *store.Tx, service *arm.Resource) error {
	hash := sha256.Sum256([]byte(service.ID.Scope().String()))
	values := strings.NewReplacer("{service}", service.ID.String(), "{email}", service.Props().String("publisherEmail"),
		"{now}", gatehouse.Timestamp(op.Now), "{generated}", hex.EncodeToString(hash[:10]))
	parts := []string{"always", "samples"}
	if strings.EqualFold(service.Body.String("sku.name"), "Consumption") {
		parts = parts[:1]
	}
	for _, part := range parts {
		for path, props := range defaults().Object(part).All() {
			if err := seed(op, tx, service, values.Replace(path), filled(props, values).(*jsondoc.Object)); err != nil {
				return err
			}
		}
	}
	return nil
}

// seed writes one entity: what links to another is made as a caller's link would be.
func seed(op *arm.Op, tx *store.Tx, service *arm.Resource, path string, props *jsondoc.Object) error {
	steps := strings.Split(path, "/")
	r := &arm.Resource{ID: service.ID, Type: service.Type, Body: object()}
	for i := 0; i < len(steps); i += 2 {
		r = &arm.Resource{ID: r.ID.Child(steps[i], steps[i+1]), Type: r.Type + "/" + steps[i], Body: object()}
	}
	if props.Len() > 0 {
		r.Body.Set("properties", props)
	}
	if steps[0] == "subscriptions" {
		r.SetSecret("properties.primaryKey", newKey())
		r.SetSecret("properties.secondaryKey", newKey())
	}
	switch r.Type {
	case serviceType + "/products/apis":
		if err := apiRelation().putShort(op, tx, nil, r, apiRelation().target, "Api"); err != nil {
			return err
		}
	case serviceType + "/products/groups":
		if err := groupRelation().putShort(op, tx, nil, r, groupRelation().target, "Group"); err != nil {
			return err
		}
	}
	return op.Save(tx, r)
}

// filled is a copy of v with values in its strings.
func filled(v jsondoc.Value, values *strings.Replacer) jsondoc.Value {
	switch v := v.(type) {
	case string:
		return values.Replace(v)
	case []jsondoc.Value:
		list := make([]jsondoc.Value, len(v))
		for i := range v {
			list[i] = filled(v[i], values)
		}
		return list
	case *jsondoc.Object:
		o := object()
		for name, member := range v.All() {
			o.Set(name, filled(member, values))
		}
		return o
	}
	return v
}
