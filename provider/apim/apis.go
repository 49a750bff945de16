package apim

import (
	"net/http"
	"strings"

	"gatehouse"
	"gatehouse/arm"
	"gatehouse/jsondoc"
	"gatehouse/store"
)

const apiFilter = "name displayName description serviceUrl path isCurrent"

// apis hang below a service and below its workspaces. Only 204 on DELETE suits every client (clients.md section 4).
func apis() *arm.Type {
	return entity(arm.Type{
		Segment: "apis", Noun: "Api", Name: arm.NameRule{Max: 256, Pattern: namePattern}, Filter: apiFilter,
		Status: arm.Status{Delete: http.StatusNoContent},
		Model: arm.NewModel(`
			properties.displayName          string max=300
			properties.description          string
			properties.path                 string required max=400
			properties.serviceUrl           string max=2000
			properties.protocols            array(enum(http|https|ws|wss))
			properties.apiRevision          string max=100 default="1"
			properties.apiRevisionDescription string max=256
			properties.apiVersion           string max=100
			properties.apiVersionDescription string max=256
			properties.apiVersionSetId      string
			properties.apiType              string
			properties.type                 string
			properties.isCurrent            bool default=true
			properties.isOnline             bool readonly
			properties.subscriptionRequired bool default=true
			properties.subscriptionKeyParameterNames.header string
			properties.subscriptionKeyParameterNames.query  string
			properties.authenticationSettings any
			properties.termsOfServiceUrl    string
			properties.contact              any
			properties.license              any
		`),
		Hooks: arm.Hooks{Default: defaultAPI, Check: checkAPI},
		Holds: []*arm.Type{operations(), policies("api")},
	})
}

func defaultAPI(_ *arm.Op, next *arm.Resource) {
	props := next.Props()
	names := props.Object("subscriptionKeyParameterNames")
	if names == nil {
		props.Set("subscriptionKeyParameterNames", object("header", "Ocp-Apim-Subscription-Key", "query", "subscription-key"))
	}
	if !props.Has("protocols") {
		props.Set("protocols", []jsondoc.Value{"https"})
	}
}

// checkAPI cuts slashes off the path and keeps two APIs from sharing one (apim-control-plane.md 1.6 and 1.8).
func checkAPI(op *arm.Op, tx *store.Tx, _, next *arm.Resource) error {
	props := next.Props()
	path := slashes.ReplaceAllString(props.String("path"), "")
	props.Set("path", path)
	if props.String("displayName") == "" {
		return validation("name", "name (display name) should not be empty")
	}
	if kind := props.String("apiType"); kind != "" {
		props.Delete("apiType")
		if !strings.EqualFold(kind, "http") {
			props.Set("type", kind)
		}
	}
	parent := op.ID.Parent().Scope()
	page, err := tx.List(op.Context, store.Query{Type: next.Type, Parent: &parent})
	if err != nil {
		return err
	}
	for _, d := range page.Documents {
		if d.Key() == next.ID.Scope() {
			continue
		}
		other, err := arm.FromDocument(d)
		if err != nil {
			return err
		}
		if strings.EqualFold(other.Props().String("path"), path) && !sameVersionSet(other.Props(), props) {
			return validation("path", "Cannot create an API with the same Path unless it's a part of the same version set")
		}
	}
	return nil
}

func sameVersionSet(a, b *jsondoc.Object) bool {
	set := a.String("apiVersionSetId")
	return set != "" && strings.EqualFold(lastPart(set), lastPart(b.String("apiVersionSetId")))
}

func lastPart(id string) string { return id[strings.LastIndexByte(id, '/')+1:] }

func operations() *arm.Type {
	return entity(arm.Type{
		Segment: "operations", Noun: "Operation", Name: arm.NameRule{Max: 80}, Filter: "name displayName method description urlTemplate",
		Model: arm.NewModel(`
			properties.displayName string required min=1 max=300
			properties.method      string required
			properties.urlTemplate string required min=1 max=1000
			properties.description string max=1000
			properties.policies    string
			properties.request     any
			properties.responses   array(any)
			properties.templateParameters array(any)
		`),
		Hooks: arm.Hooks{Default: func(_ *arm.Op, next *arm.Resource) {
			for _, list := range []string{"templateParameters", "responses"} {
				if !next.Props().Has(list) {
					next.Props().Set(list, []jsondoc.Value{})
				}
			}
		}},
		Holds: []*arm.Type{policies("operation")},
	})
}

// entityExists refuses a reference to something that is not there.
func entityExists(op *arm.Op, r store.Reader, id gatehouse.ID, noun string) error {
	_, err := r.Get(op.Context, id.Scope())
	if gatehouse.KindOf(err) == gatehouse.NotFound {
		return gatehouse.Errorf(gatehouse.NotFound, "ResourceNotFound", "%s not found.", noun)
	}
	return err
}
