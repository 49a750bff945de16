package apim

import (
	"slices"
	"strings"

	"gatehouse"
	"gatehouse/arm"
	"gatehouse/guard"
	"gatehouse/jsondoc"
	"gatehouse/policy"
	"gatehouse/store"
)

// loggers say where diagnostics go. Their credentials are kept as secret named values
// (apim-control-plane.md 1.9 and 2.5).
func loggers() *arm.Type {
	return published("service/loggers", `
		properties.loggerType  enum(azureEventHub|applicationInsights|azureMonitor) required
		properties.description string max=256
		properties.credentials map secret
		properties.isBuffered  bool default=true
	`, arm.Type{
		Noun: "Logger", Name: arm.NameRule{Max: 256, Pattern: namePattern},
		Hooks: arm.Hooks{Put: putLogger, Delete: dropLogger, Show: showCredentials},
	})
}

// openCredentials are the members that are no secrets; all others are kept apart.
var openCredentials = []string{"name", "endpointAddress", "identityClientId"}

func isOpen(member string) bool {
	return slices.ContainsFunc(openCredentials, func(open string) bool { return gatehouse.EqualFold(open, member) })
}

func putLogger(op *arm.Op, tx *store.Tx, old, next *arm.Resource) error {
	given, _ := next.SecretValue("properties.credentials").(*jsondoc.Object)
	next.Secret.Delete("properties.credentials")
	before := &jsondoc.Object{}
	if old != nil && old.Props().Object("credentials") != nil {
		before = old.Props().Object("credentials")
	}
	if given == nil {
		given = before.Clone()
	} else if strings.EqualFold(op.Method, "PATCH") {
		merged := before.Clone()
		jsondoc.Merge(merged, given)
		given = merged
	}
	if err := checkCredentials(next.Props().String("loggerType"), given); err != nil {
		return err
	}
	shown := &jsondoc.Object{}
	for member, v := range given.All() {
		text, _ := v.(string)
		if text == "" {
			continue
		}
		if !isOpen(member) {
			var err error
			if text, err = keep(op, tx, next.ID, member, "Logger-Credentials--", text, "credentials"); err != nil {
				return err
			}
		}
		shown.Set(member, text)
	}
	for member := range before.All() {
		if !shown.Has(member) {
			if err := forget(op, tx, next.ID, member); err != nil {
				return err
			}
		}
	}
	if shown.Len() > 0 {
		next.Props().Set("credentials", shown)
	}
	return nil
}

// checkCredentials wants what the type of a logger needs to reach its target.
func checkCredentials(kind string, c *jsondoc.Object) error {
	given := func(member string) bool { return strings.TrimSpace(c.String(member)) != "" }
	switch {
	case strings.EqualFold(kind, "azureEventHub"):
		if !given("name") || !given("connectionString") && !given("endpointAddress") {
			return validation("credentials", "credentials of an azureEventHub logger need name, and connectionString or endpointAddress with identityClientId")
		}
	case strings.EqualFold(kind, "applicationInsights"):
		if !given("instrumentationKey") && !given("connectionString") {
			return validation("credentials", "credentials of an applicationInsights logger need instrumentationKey or connectionString")
		}
	}
	return nil
}

// showCredentials shows what is stored in the open: references, names and addresses.
func showCredentials(_ *arm.Op, r *arm.Resource, out *jsondoc.Object) {
	if c := r.Props().Object("credentials"); c != nil {
		out.SetPath("properties.credentials", c.Clone())
	}
}

// dropLogger refuses while policies name the logger, and while diagnostics write to it, unless force
// says that they go too (the option exists up to api-version 2021).
func dropLogger(op *arm.Op, tx *store.Tx, old *arm.Resource) error {
	if cascaded(op, old) {
		return nil
	}
	users, err := diagnosticsOf(op, tx, old.ID)
	if err != nil {
		return err
	}
	if len(users) > 0 && !strings.EqualFold(op.Query.Get("force"), "true") {
		return refusal(gatehouse.Invalid, "ValidationError", "Logger cannot be deleted since it is used by %s. Delete the diagnostic first or pass in force=true as query param", seen(op, users[0].ID))
	}
	for _, d := range users {
		if action := d.Type + "/delete"; !op.Can(action, d.ID) {
			lacks := &guard.Lacks{Linked: []gatehouse.Linked{{Action: action, Scope: op.Named(d.ID).String()}}}
			return lacks.Refusal("The logger is used by diagnostics, and the client does not have permission to perform action '%s' on all of them.", action)
		}
	}
	if err := unused(op, tx, old.ID, policy.Logger, "Logger", old.ID.Name()); err != nil {
		return err
	}
	if err := deleteAll(tx, users); err != nil {
		return err
	}
	for member := range old.Props().Object("credentials").All() {
		if err := forget(op, tx, old.ID, member); err != nil {
			return err
		}
	}
	return nil
}

// diagnosticsOf are the diagnostics that write to a logger: those of the service or workspace that holds it, and of APIs there.
func diagnosticsOf(op *arm.Op, tx *store.Tx, logger gatehouse.ID) ([]*store.Document, error) {
	var users []*store.Document
	scope := serviceOf(logger).Scope()
	for _, family := range []string{"/diagnostics", "/apis/diagnostics", "/workspaces/diagnostics", "/workspaces/apis/diagnostics"} {
		page, err := tx.List(op.Context, store.Query{Type: serviceType + family, Under: &scope})
		if err != nil {
			return nil, err
		}
		for _, d := range page.Documents {
			r, err := arm.FromDocument(d)
			if err != nil {
				return nil, err
			}
			if gatehouse.EqualFold(r.Props().String("loggerId"), logger.String()) {
				users = append(users, d)
			}
		}
	}
	return users, nil
}

// relative is an id as it goes below its service: /apis/x/diagnostics/y.
func relative(id gatehouse.ID) string {
	return id.String()[len(serviceOf(id).String()):]
}
