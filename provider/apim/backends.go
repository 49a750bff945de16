package apim

import (
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"gatehouse"
	"gatehouse/arm"
	"gatehouse/jsondoc"
	"gatehouse/policy"
	"gatehouse/store"
)

// backends are what calls are forwarded to: one server, or a pool of backends
// (apim-control-plane.md 2.5). Pools, circuit breakers and the type are hidden from
// api-versions that do not know them. What a backend sends along to be let in is sealed.
func backends() *arm.Type {
	return published("service/backends", "", arm.Type{
		Noun: "Backend", Name: arm.NameRule{Max: 80, Pattern: namePattern},
		Model: arm.NewModel(except(body("BackendContract", "BackendUpdateParameters"), "properties.url", "properties.protocol") + `
			properties.url            string max=2000
			properties.protocol       string
			properties.type           enum(Single|Pool) default="Single" since=2023-05-01-preview
			properties.pool           object since=2023-05-01-preview
			properties.pool.sessionAffinity                  object
			properties.pool.sessionAffinity.sessionId        object
			properties.pool.sessionAffinity.sessionId.source enum(Cookie)
			properties.pool.sessionAffinity.sessionId.name   string max=256
			properties.circuitBreaker object since=2023-05-01-preview
			properties.credentials.query  any secret whole
			properties.credentials.header any secret whole
			properties.credentials.authorization.parameter string secret whole min=1 max=300
			properties.proxy.password               string secret whole
			properties.tls.validateCertificateChain bool default=true
			properties.tls.validateCertificateName  bool default=true
		`),
		Hooks:   arm.Hooks{Check: checkBackend, Delete: backendFree, Show: showBackend},
		Actions: []arm.Action{{Name: "reconnect", Do: reconnect}},
	})
}

// except leaves fields out of the lines of a model, to be declared anew.
func except(lines string, paths ...string) string {
	var kept strings.Builder
	for line := range strings.Lines(lines) {
		path, _, _ := strings.Cut(line, " ")
		if !slices.Contains(paths, path) {
			kept.WriteString(line)
		}
	}
	return kept.String()
}

const (
	queryCredentials  = "properties.credentials.query"
	headerCredentials = "properties.credentials.header"
	authorization     = "properties.credentials.authorization.parameter"
	proxyPassword     = "properties.proxy.password"
)

func checkBackend(op *arm.Op, tx *store.Tx, old, next *arm.Resource) error {
	for _, check := range []func(_ *arm.Op, _ *store.Tx, old, next *arm.Resource) error{checkAddress, checkPool, checkBackendCredentials, checkBackendCertificates, checkBreaker} {
		if err := check(op, tx, old, next); err != nil {
			return err
		}
	}
	return nil
}

func isPool(r *arm.Resource) bool { return strings.EqualFold(r.Props().String("type"), "Pool") }

// checkAddress wants an address and a protocol of a single backend, and neither of a pool
// (worded as the service does). Clients whose models require both send a pool empty ones.
func checkAddress(_ *arm.Op, _ *store.Tx, _, next *arm.Resource) error {
	props := next.Props()
	var faults []*gatehouse.Error
	fault := func(target, format string, args ...any) {
		faults = append(faults, gatehouse.Errorf(gatehouse.Invalid, "ValidationError", format, args...).At(target))
	}
	address, protocol := props.String("url"), props.String("protocol")
	switch {
	case isPool(next) && address != "":
		fault("url", "Url is not supported for backend pool.")
	case isPool(next):
		props.Delete("url")
	case strings.TrimSpace(address) == "":
		fault("url", "'url' should not be empty")
	case !absolute(address):
		fault("url", "'%s' is no absolute address, such as https://backend.contoso.com/v1", address)
	}
	if isPool(next) && protocol != "" {
		fault("protocol", "Protocol is not supported for backend pool.")
	}
	if !isPool(next) && !slices.Contains([]string{"http", "soap"}, strings.ToLower(protocol)) {
		fault("protocol", "'protocol' should not be empty; it has to be http or soap")
	}
	if isPool(next) {
		props.Delete("protocol")
	}
	if len(faults) > 0 {
		return validationError(faults)
	}
	return nil
}

// absolute reports whether a text is an address with a scheme; what named values fill in is not known yet.
func absolute(address string) bool {
	u, err := url.Parse(anyReference.ReplaceAllString(address, "x"))
	if strings.HasPrefix(strings.TrimSpace(address), "{{") {
		return true
	}
	return err == nil && u.IsAbs() && (u.Host != "" || strings.EqualFold(u.Scheme, "fabric"))
}

// largestPool is how many backends a pool may hold (Azure's limits for API Management).
const largestPool = 30

// checkPool wants the members of a pool to be single backends of the same service or workspace.
func checkPool(op *arm.Op, tx *store.Tx, old, next *arm.Resource) error {
	services := next.Props().Array("pool.services")
	if !isPool(next) {
		if next.Props().Has("pool") {
			return validation("pool", "Only a backend of type Pool may have pool")
		}
		return nil
	}
	if len(services) == 0 || len(services) > largestPool {
		return validation("pool.services", "A backend pool needs between 1 and %d services", largestPool)
	}
	seen := map[gatehouse.Scope]bool{}
	for i, v := range services {
		member, _ := v.(*jsondoc.Object)
		target := fmt.Sprintf("pool.services[%d].id", i)
		if err := referTo(op, tx, old, next.ID, member, "id", "backends", "Backend", target); err != nil {
			return err
		}
		id, err := gatehouse.ParseID(member.String("id"))
		if err != nil {
			return validation(target, "'%s' is no resource ID", member.String("id"))
		}
		backend, err := op.Load(tx, id)
		switch {
		case err != nil:
			return err
		case isPool(backend):
			return validation(target, "'%s' is a pool itself; a pool holds single backends", id.Name())
		case seen[id.Scope()]:
			return validation(target, "'%s' is in the pool already", id.Name())
		}
		seen[id.Scope()] = true
	}
	return nil
}

// checkBackendCredentials wants lists of values per name, and named values that exist.
func checkBackendCredentials(op *arm.Op, tx *store.Tx, _, next *arm.Resource) error {
	for _, path := range []string{queryCredentials, headerCredentials} {
		target := strings.TrimPrefix(path, "properties.")
		if next.SecretString(path) == "" {
			continue
		}
		v := next.SecretValue(path)
		if !isListMap(v) {
			return validation(target, "%s has to be an object with an array of strings per name", target)
		}
		if err := namedValuesExist(op, tx, next.ID, v, target); err != nil {
			return err
		}
	}
	if next.Props().Object("credentials.authorization") != nil && next.SecretString(authorization) == "" {
		return validation("credentials.authorization.parameter", "credentials.authorization.parameter is required.")
	}
	for _, path := range []string{"url", "proxy.url", "proxy.username"} {
		if err := namedValuesExist(op, tx, next.ID, next.Props().String(path), path); err != nil {
			return err
		}
	}
	for _, path := range []string{authorization, proxyPassword} {
		if err := namedValuesExist(op, tx, next.ID, next.SecretString(path), strings.TrimPrefix(path, "properties.")); err != nil {
			return err
		}
	}
	return nil
}

// isListMap reports whether v is an object of arrays of strings.
func isListMap(v jsondoc.Value) bool {
	o, ok := v.(*jsondoc.Object)
	if !ok {
		return false
	}
	for _, member := range o.All() {
		list, ok := member.([]jsondoc.Value)
		if !ok || slices.ContainsFunc(list, func(item jsondoc.Value) bool { _, text := item.(string); return !text }) {
			return false
		}
	}
	return true
}

// checkBackendCertificates completes the references to certificates and wants them to exist.
func checkBackendCertificates(op *arm.Op, tx *store.Tx, old, next *arm.Resource) error {
	ids := next.Props().Array("credentials.certificateIds")
	for i, v := range ids {
		given, _ := v.(string)
		one := object("id", given)
		if err := referTo(op, tx, old, next.ID, one, "id", "certificates", "Certificate", "credentials"); err != nil {
			return err
		}
		ids[i] = one.String("id")
	}
	fabric := next.Props().Object("properties.serviceFabricCluster")
	if fabric == nil {
		return nil
	}
	if fabric.String("clientCertificateId") == "" && fabric.String("clientCertificatethumbprint") == "" {
		return validation(cluster, "A Service Fabric cluster needs clientCertificateId or clientCertificatethumbprint")
	}
	return referTo(op, tx, old, next.ID, fabric, "clientCertificateId", "certificates", "Certificate", cluster+".clientCertificateId")
}

// cluster is the path of a Service Fabric cluster, below the properties of a backend.
const cluster = "properties.properties.serviceFabricCluster"

// referTo is reference in the words of Azure/apiops#749. What the backend refers to already stays, whoever writes it.
func referTo(op *arm.Op, tx *store.Tx, old *arm.Resource, of gatehouse.ID, in *jsondoc.Object, path, family, noun, target string) error {
	given := in.String(path)
	if old != nil && names(backendReferences(old), given) {
		return nil
	}
	err := reference(op, tx, of, in, path, family)
	if gatehouse.KindOf(err) == gatehouse.Invalid || err == nil && given == "" && in.Has(path) {
		return validation(target, "%s with id '%s' not found.", noun, lastPart(given))
	}
	return err
}

// backendReferences are the ids of the entities that a backend needs.
func backendReferences(b *arm.Resource) []jsondoc.Value {
	props := b.Props()
	ids := append(slices.Clone(props.Array("credentials.certificateIds")), props.String("properties.serviceFabricCluster.clientCertificateId"))
	for _, v := range props.Array("pool.services") {
		if member, ok := v.(*jsondoc.Object); ok {
			ids = append(ids, member.String("id"))
		}
	}
	return ids
}

// durationText is an ISO 8601 duration up to days, such as PT1M30S.
var durationText = regexp.MustCompile(`^P(?:\d+D)?(?:T(?:\d+H)?(?:\d+M)?(?:\d+(?:\.\d+)?S)?)?$`)

func isDuration(text string) bool {
	return durationText.MatchString(text) && strings.ContainsAny(text, "0123456789") && !strings.HasSuffix(text, "T")
}

// checkBreaker wants each rule to say what counts as failing, and to trip for a time.
func checkBreaker(_ *arm.Op, _ *store.Tx, _, next *arm.Resource) error {
	for i, v := range next.Props().Array("circuitBreaker.rules") {
		rule, _ := v.(*jsondoc.Object)
		target := fmt.Sprintf("circuitBreaker.rules[%d]", i)
		condition := rule.Object("failureCondition")
		if rule.String("name") == "" || condition == nil {
			return validation(target, "A circuit breaker rule needs name and failureCondition")
		}
		if condition.Has("count") == condition.Has("percentage") {
			return validation(target+".failureCondition", "A failure condition needs either count or percentage")
		}
		if !isDuration(rule.String("tripDuration")) {
			return validation(target+".tripDuration", "tripDuration has to be an ISO 8601 duration such as PT1M; it is '%s'", rule.String("tripDuration"))
		}
		if !isDuration(condition.String("interval")) {
			return validation(target+".failureCondition.interval", "interval has to be an ISO 8601 duration such as PT1M; it is '%s'", condition.String("interval"))
		}
		for _, v := range condition.Array("statusCodeRanges") {
			codes, _ := v.(*jsondoc.Object)
			if from, to := number(codes, "min"), number(codes, "max"); from > to || to == 0 {
				return validation(target+".failureCondition.statusCodeRanges", "A range of status codes needs min and max, and min may not be above max")
			}
		}
	}
	return nil
}

func number(o *jsondoc.Object, path string) int64 {
	n, _ := o.Int(path)
	return n
}

// showBackend shows credentials to who reads one backend and may write it, since a PUT has to
// send them back and Terraform compares them; others and lists see only references to
// named values, which are no secrets.
func showBackend(op *arm.Op, r *arm.Resource, out *jsondoc.Object) {
	all := !op.Collection() && op.Can(r.Type+"/write", r.ID)
	for _, path := range []string{queryCredentials, headerCredentials} {
		if v := r.SecretValue(path); v != nil && (all || onlyReferences(v)) {
			out.SetPath(path, v)
		}
	}
	for _, path := range []string{authorization, proxyPassword} {
		if v := r.SecretString(path); v != "" && (all || onlyReferences(v)) {
			out.SetPath(path, v)
		}
	}
}

func onlyReferences(v jsondoc.Value) bool {
	switch v := v.(type) {
	case string:
		_, ok := namedReference(v)
		return ok
	case []jsondoc.Value:
		return !slices.ContainsFunc(v, func(item jsondoc.Value) bool { return !onlyReferences(item) })
	case *jsondoc.Object:
		for _, member := range v.All() {
			if !onlyReferences(member) {
				return false
			}
		}
		return true
	}
	return false
}

// backendFree keeps a backend that a pool holds or policies name.
func backendFree(op *arm.Op, tx *store.Tx, old *arm.Resource) error {
	if cascaded(op, old) {
		return nil
	}
	err := eachBackend(op, tx, old.ID, func(b *arm.Resource) error {
		if names(backendReferences(b), old.ID.String()) {
			return refusal(gatehouse.Invalid, "ValidationError", "Backend cannot be deleted since it is used by %s. Take it out of the pool first.", seen(op, b.ID))
		}
		return nil
	})
	if err != nil {
		return err
	}
	return unused(op, tx, old.ID, policy.Backend, "Backend", old.ID.Name())
}

// eachBackend visits the backends that may refer to an entity at id: those of the same service, workspaces included.
func eachBackend(op *arm.Op, tx *store.Tx, id gatehouse.ID, visit func(*arm.Resource) error) error {
	scope := serviceOf(id).Scope()
	for _, family := range []string{"/backends", "/workspaces/backends"} {
		page, err := tx.List(op.Context, store.Query{Type: serviceType + family, Under: &scope})
		if err != nil {
			return err
		}
		for _, d := range page.Documents {
			b, err := arm.FromDocument(d)
			if err != nil {
				return err
			}
			if err := visit(b); err != nil {
				return err
			}
		}
	}
	return nil
}

// reconnect asks the gateway to connect anew, after the given time. Every connection of ours
// is made when it is needed, so there is nothing left to do.
func reconnect(op *arm.Op) (*arm.Answer, error) {
	if _, err := op.Existing(); err != nil {
		return nil, err
	}
	body, err := op.Body()
	if err != nil {
		return nil, err
	}
	if after := body.String("properties.after"); after != "" && !isDuration(after) {
		return nil, validation("after", "after has to be an ISO 8601 duration such as PT3S; it is '%s'", after)
	}
	return &arm.Answer{Status: http.StatusAccepted}, nil
}
