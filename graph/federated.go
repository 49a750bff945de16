package graph

import (
	"net/http"
	"net/url"
	"regexp"

	"gatehouse"
	"gatehouse/directory"
	"gatehouse/jsondoc"
	"gatehouse/store"
)

// maxFederated is how many federated credentials an application may have (Graph: 20).
const maxFederated = 20

var federatedName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_-]{2,119}$`)

// siblings are the federated credentials of the application in the path.
func (c *call) siblings(r store.Reader) ([]item, error) {
	key := directory.ApplicationID(c.oid).Scope()
	page, err := r.List(c.ctx(), store.Query{Type: directory.FederatedType, Parent: &key})
	if err != nil {
		return nil, err
	}
	items := make([]item, len(page.Documents))
	for i, d := range page.Documents {
		if items[i], err = itemOf(federated, d); err != nil {
			return nil, err
		}
	}
	return items, nil
}

func (c *call) federatedContext() string {
	return "applications('" + c.oid.String() + "')/federatedIdentityCredentials"
}

func listFederated(c *call) (*answer, error) {
	return c.ofObject(func() (*answer, error) {
		return c.page(source{name: c.federatedContext(), kind: federated, next: func(string, int) ([]item, string, error) {
			items, err := c.siblings(c.h.cfg.Store)
			return items, "", err
		}})
	})
}

// federatedOne finds a credential by its ID or its name.
func (c *call) federatedOne() (*jsondoc.Object, error) {
	items, err := c.siblings(c.h.cfg.Store)
	if err != nil {
		return nil, err
	}
	for _, it := range items {
		if gatehouse.Fold(it.body.String("name")) == gatehouse.Fold(c.args[0]) || it.body.String("id") == normal(c.args[0]) {
			return it.body, nil
		}
	}
	return nil, notThere(c.args[0])
}

func getFederated(c *call) (*answer, error) {
	return c.ofObject(func() (*answer, error) {
		body, err := c.federatedOne()
		if err != nil {
			return nil, err
		}
		return c.oneFederated(body, http.StatusOK), nil
	})
}

func (c *call) oneFederated(body *jsondoc.Object, status int) *answer {
	out := jsondoc.NewObject("@odata.context", c.contextURL(c.federatedContext()+"/$entity"))
	for name, v := range federated.answer(body, c.query.Select).All() {
		out.Set(name, v)
	}
	return &answer{status: status, body: out}
}

func createFederated(c *call) (*answer, error) {
	return c.ofObject(func() (*answer, error) {
		name := c.body.String("name")
		if !federatedName.MatchString(name) {
			return nil, badRequest("name", "Invalid value specified for property 'name' of resource 'FederatedIdentityCredential': 3 to 120 letters, digits, dashes and underscores, the first a letter or digit.")
		}
		e := &edit{call: c, k: federated, creating: true, in: c.body}
		e.steps = append(e.steps, func(tx *store.Tx) error {
			e.body.Set("id", gatehouse.NewGUID().String())
			if _, err := tx.Get(c.ctx(), directory.ApplicationID(c.oid).Scope()); err != nil {
				return c.absent(err)
			}
			return e.federatedFits(tx)
		})
		if _, err := e.run(http.StatusCreated, directory.FederatedID(c.oid, name)); err != nil {
			return nil, err
		}
		return c.oneFederated(e.body, http.StatusCreated), nil
	})
}

func patchFederated(c *call) (*answer, error) {
	return c.ofObject(func() (*answer, error) {
		old, err := c.federatedOne()
		if err != nil {
			return nil, err
		}
		name := old.String("name")
		if given := c.body.String("name"); given != "" && given != name {
			return nil, badRequest("name", "The name of a federated identity credential cannot be changed: delete it and create another.")
		}
		e := &edit{call: c, k: federated, in: c.body}
		e.steps = append(e.steps, e.federatedFits)
		_, err = e.run(http.StatusNoContent, directory.FederatedID(c.oid, name))
		return &answer{}, err
	})
}

// federatedFits checks a credential and compares it with its siblings: a name, and
// a pair of issuer and subject, is there once.
func (e *edit) federatedFits(tx *store.Tx) error {
	if u, err := url.Parse(e.body.String("issuer")); err != nil || u.Scheme != "https" || u.Host == "" {
		return badRequest("issuer", "The issuer of a federated identity credential is an https URL.")
	}
	if len(e.body.Array("audiences")) != 1 {
		return badRequest("audiences", "A federated identity credential has exactly one audience, usually api://AzureADTokenExchange.")
	}
	items, err := e.siblings(tx)
	if err != nil {
		return err
	}
	if e.creating && len(items) >= maxFederated {
		return gatehouse.Errorf(gatehouse.Invalid, codeQuota, "The application has %d federated identity credentials, which is the most it can have.", len(items))
	}
	for _, it := range items {
		same := gatehouse.Fold(it.body.String("name")) == gatehouse.Fold(e.body.String("name"))
		if same && e.creating {
			return gatehouse.Errorf(gatehouse.Conflict, codeSameKey, "FederatedIdentityCredential with name %s already exists.", e.body.String("name")).At("name")
		}
		if !same && it.body.String("issuer") == e.body.String("issuer") && it.body.String("subject") == e.body.String("subject") {
			return gatehouse.Errorf(gatehouse.Conflict, codeSameKey, "FederatedIdentityCredential with issuer and subject combination already exists on app.").At("subject")
		}
	}
	return nil
}

func deleteFederated(c *call) (*answer, error) {
	return c.ofObject(func() (*answer, error) {
		old, err := c.federatedOne()
		if err != nil {
			return nil, err
		}
		err = c.change(http.StatusNoContent, func(tx *store.Tx) error {
			return dropIfThere(tx, directory.FederatedID(c.oid, old.String("name")).Scope())
		})
		return &answer{}, err
	})
}
