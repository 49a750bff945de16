package apim

import (
	"strings"

	"gatehouse"
	"gatehouse/arm"
	"gatehouse/jsondoc"
)

// sku is a kind of service: how far it scales, as lists say it (apim-defaults.md), and
// how far requests may go, which for Premium is what clients allow (apim-control-plane.md 2.1).
type sku struct {
	name, generation string
	least, most      int64
	scale            string
	allowed          int64
}

// The generations of SKUs. A service stays in its own.
const (
	classic     = "classic"
	v2          = "v2"
	consumption = "consumption"
)

var serviceSKUs = []sku{
	{"Developer", classic, 1, 1, "none", 1},
	{"Basic", classic, 1, 2, "manual", 2},
	{"Standard", classic, 1, 4, "automatic", 4},
	{"Premium", classic, 1, 10, "automatic", 99},
	{"Isolated", classic, 1, 1, "automatic", 1},
	{"BasicV2", v2, 1, 10, "manual", 10},
	{"StandardV2", v2, 1, 10, "manual", 10},
	{"PremiumV2", v2, 1, 30, "manual", 30},
	{"Consumption", consumption, 0, 0, "none", 0},
}

// skuOf is the SKU of a service; one that is stored has a known name.
func skuOf(r *arm.Resource) sku {
	for _, s := range serviceSKUs {
		if strings.EqualFold(s.name, r.Body.String("sku.name")) {
			return s
		}
	}
	return sku{}
}

// in reports whether s is one of the named SKUs.
func (s sku) in(names ...string) bool {
	for _, name := range names {
		if s.name == name {
			return true
		}
	}
	return false
}

// skusOfService lists what a service could be instead.
func skusOfService() *arm.Type {
	return published("service/skus", "", arm.Type{Shape: arm.View, Do: map[arm.Verb]arm.Handler{arm.List: func(op *arm.Op) (*arm.Answer, error) {
		service, err := serviceAt(op, op.ID)
		if err != nil {
			return nil, err
		}
		own := skuOf(service)
		var all []jsondoc.Value
		for _, s := range serviceSKUs {
			if s.generation != own.generation {
				continue
			}
			var c jsondoc.Value
			if s.most > 0 {
				c = capacity(s.least, s.most, s.scale)
			}
			all = append(all, object("resourceType", serviceType, "sku", object("name", s.name), "capacity", c))
		}
		return arm.ListOf(all), nil
	}}})
}

// serviceAt loads the service that a collection or call is about, or says which level of its path is missing.
func serviceAt(op *arm.Op, id gatehouse.ID) (*arm.Resource, error) {
	service, err := op.Load(op.Store(), id)
	if gatehouse.KindOf(err) == gatehouse.NotFound {
		if missing := op.Exists(op.Store(), id); missing != nil {
			return nil, missing
		}
	}
	return service, err
}

// listSKUs lists every kind of service in every region: a region is a label here, so all have all.
func listSKUs(*arm.Op) (*arm.Answer, error) {
	var all []jsondoc.Value
	scales := map[string]string{"none": "None", "manual": "Manual", "automatic": "Automatic"}
	for _, l := range arm.Locations() {
		for _, s := range serviceSKUs {
			all = append(all, object("resourceType", "service", "name", s.name, "locations", []jsondoc.Value{l.Name},
				"locationInfo", []jsondoc.Value{object("location", l.Name, "zones", []jsondoc.Value{}, "zoneDetails", []jsondoc.Value{})},
				"capacity", capacity(s.least, s.most, scales[s.scale]), "restrictions", []jsondoc.Value{}))
		}
	}
	return arm.ListOf(all), nil
}

// regionsOf are the regions of a service in their short form, the first one it was made in.
func regionsOf(service *arm.Resource) []string {
	all := []string{arm.Region(service.Body.String("location"))}
	for _, v := range service.Props().Array("additionalLocations") {
		if o, ok := v.(*jsondoc.Object); ok {
			all = append(all, arm.Region(o.String("location")))
		}
	}
	return all
}

func regions() *arm.Type {
	return published("service/regions", "", arm.Type{Shape: arm.View, Do: map[arm.Verb]arm.Handler{arm.List: func(op *arm.Op) (*arm.Answer, error) {
		service, err := serviceAt(op, op.ID)
		if err != nil {
			return nil, err
		}
		var all []jsondoc.Value
		for i, region := range regionsOf(service) {
			all = append(all, object("name", arm.DisplayLocation(region), "isMasterRegion", i == 0, "isDeleted", false))
		}
		a := arm.ListOf(all)
		a.Body.(*jsondoc.Object).Set("count", whole(int64(len(all))))
		return a, nil
	}}})
}
