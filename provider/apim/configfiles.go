package apim

import (
	"cmp"
	"errors"
	"maps"
	"net/http"
	"slices"
	"strings"

	"gatehouse"
	"gatehouse/arm"
	"gatehouse/jsondoc"
	"gatehouse/store"
)

// configured are the types below a service that a configuration holds, each after what
// it may refer to. As with the service's own repository, users, subscriptions, named
// values, fragments and the portal's content are not among them, nor is anything whose
// worth is a secret; of APIs it has the current revisions.
var configured = []string{
	"tags", "apiVersionSets", "groups", "portalsettings", "templates",
	"apis", "apis/schemas", "apis/operations", "apis/tags", "apis/operations/tags",
	"products", "products/apis", "products/groups", "products/tags",
	"policies", "apis/policies", "apis/operations/policies", "products/policies",
}

// maxConfigured is how many entities a configuration may hold, as at the service.
const maxConfigured = 10000

// root is the folder of all files: api-management/apis/echo/configuration.json,
// api-management/policies/apis/echo.xml.
const root = "api-management"

// file is one of a configuration: an entity without its secrets, as JSON, or a policy document.
type file struct{ path, text string }

// capture reads the configuration of a service.
func capture(op *arm.Op, r store.Reader, service gatehouse.ID) ([]file, error) {
	var files []file
	for _, family := range configured {
		all, err := familyOf(op, r, service, family)
		if err != nil {
			return nil, err
		}
		for _, entity := range all {
			if strings.Contains(entity.ID.String(), ";rev=") || family == "groups" && entity.Props().Bool("builtIn") {
				continue
			}
			files = append(files, fileOf(op, service, entity))
		}
		if len(files) > maxConfigured {
			return nil, refusal(gatehouse.Invalid, "ValidationError", "The configuration holds more than %d entities, which is too many to save or deploy.", maxConfigured)
		}
	}
	slices.SortFunc(files, func(a, b file) int { return strings.Compare(a.path, b.path) })
	return files, nil
}

func familyOf(op *arm.Op, r store.Reader, service gatehouse.ID, family string) ([]*arm.Resource, error) {
	d := op.Server.TypeOf(serviceType + "/" + family)
	if d == nil {
		return nil, nil
	}
	if len(d.Type.Always) > 0 {
		return op.Children(r, service, d)
	}
	scope := service.Scope()
	page, err := r.List(op.Context, store.Query{Type: d.Name, Under: &scope})
	if err != nil {
		return nil, err
	}
	all := make([]*arm.Resource, len(page.Documents))
	for i, document := range page.Documents {
		if all[i], err = arm.FromDocument(document); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// fileOf leaves out what the server alone sets, and of an API which revision it is and
// where it came from: what is deployed becomes the current revision, whatever its number.
func fileOf(op *arm.Op, service gatehouse.ID, r *arm.Resource) file {
	short := shortID(r.ID)
	if of, policy := strings.CutSuffix(short, "/policies/policy"); policy {
		return file{root + "/policies" + policyPath(of) + extension(r.Props().String("format")), r.Props().String("value")}
	}
	content := object()
	if r.Body.Has("properties") {
		props, model := r.Props().Clone(), op.Server.TypeOf(r.Type).Type.Model
		props.DeleteFunc(func(name string, _ jsondoc.Value) bool {
			return model.ReadOnly("properties."+name) || strings.HasSuffix(r.Type, "/apis") && slices.Contains([]string{"apiRevision", "isCurrent", "sourceApiId"}, name)
		})
		content.Set("properties", shortened(props, service.String()+"/"))
	}
	return file{root + short + "/configuration.json", string(jsondoc.MarshalIndent(content, "  "))}
}

// policyPath is where the policy document of an entity lies: /products/p, /apis/a, /apis/a/o for an operation.
func policyPath(of string) string {
	if of == "" {
		return "/global"
	}
	return strings.Replace(of, "/operations/", "/", 1)
}

func extension(format string) string {
	if format == "rawxml" {
		return ".rawxml" // not .raw.xml, which a name can end in
	}
	return ".xml"
}

// shortened copies v with the ids of the service's own entities as /apis/echo, and with
// members by name, so that one state has one text.
func shortened(v jsondoc.Value, service string) jsondoc.Value {
	switch v := v.(type) {
	case string:
		if len(v) > len(service) && strings.EqualFold(v[:len(service)], service) {
			return v[len(service)-1:]
		}
	case []jsondoc.Value:
		out := make([]jsondoc.Value, len(v))
		for i := range v {
			out[i] = shortened(v[i], service)
		}
		return out
	case *jsondoc.Object:
		out := object()
		if v.Exact() {
			out = jsondoc.NewExact()
		}
		for _, name := range slices.Sorted(slices.Values(v.Names())) {
			member, _ := v.Get(name)
			out.Set(name, shortened(member, service))
		}
		return out
	}
	return v
}

// entity is the short id and the body that a file stands for.
func (f file) entity() (short string, body *jsondoc.Object, err error) {
	path := strings.TrimPrefix(f.path, root)
	if of, ok := strings.CutPrefix(path, "/policies/"); ok {
		name, format := strings.TrimSuffix(of, ".xml"), "xml"
		if raw, ok := strings.CutSuffix(of, ".rawxml"); ok {
			name, format = raw, "rawxml"
		}
		return policyOf(name) + "/policies/policy", object("properties", object("value", f.text, "format", format)), nil
	}
	body, err = jsondoc.ParseObjectWith([]byte(f.text), jsondoc.Options{Variants: true})
	return strings.TrimSuffix(path, "/configuration.json"), body, err
}

func policyOf(path string) string {
	parts := strings.Split(path, "/")
	switch {
	case path == "global":
		return ""
	case len(parts) == 3 && parts[0] == "apis":
		return "/apis/" + parts[1] + "/operations/" + parts[2]
	}
	return "/" + path
}

// step is one write of a deployment.
type step struct {
	op         *arm.Op // admitted
	verb, noun string  // Created, Updated or Deleted; Api
	key        string  // short id
	order      int     // place of its type
}

// failed says which entity an error is about.
func (s *step) failed(err error) error {
	var e *gatehouse.Error
	if !errors.As(err, &e) || !expected(e) {
		return err
	}
	about := *e
	about.Message = s.key + " cannot be " + strings.ToLower(s.verb) + ": " + e.Message
	about.Target = s.key
	return &about
}

// expected reports whether an error is an outcome of a job rather than a refusal to do it, or a failure of ours.
func expected(e *gatehouse.Error) bool {
	return slices.Contains([]gatehouse.Kind{gatehouse.Invalid, gatehouse.NotFound, gatehouse.Conflict, gatehouse.Precondition}, e.Kind)
}

// plan compares the branch with the service and says what has to be written, in order:
// what is to go and can hold a name or path that others want, what is new or different,
// and then what may be referred to until the last moment. The caller has the right to
// every step, or there is no plan.
func (j *job) plan() (steps []*step, commit string, err error) {
	branch, err := j.op.Load(j.op.Store(), j.service.Child("configurationBranches", j.branch))
	if gatehouse.KindOf(err) == gatehouse.NotFound {
		return nil, "", refusal(gatehouse.NotFound, "ResourceNotFound", "Branch '%s' not found. Save the configuration to it first.", j.branch)
	}
	if err != nil {
		return nil, "", err
	}
	current, err := capture(j.op, j.op.Store(), j.service)
	if err != nil {
		return nil, "", err
	}
	is, err := byID(current)
	if err != nil {
		return nil, "", err
	}
	var wanted []file
	for _, v := range branch.Body.Array("files") {
		o, _ := v.(*jsondoc.Object)
		wanted = append(wanted, file{o.String("path"), o.String("text")})
	}
	will, err := byID(wanted)
	if err != nil {
		return nil, "", err
	}
	for _, short := range slices.Sorted(maps.Keys(will)) {
		f := will[short]
		if before, there := is[short]; !there {
			steps, err = j.add(steps, "Created", f)
		} else if before != f {
			steps, err = j.add(steps, "Updated", f)
		}
		if err != nil {
			return nil, "", err
		}
	}
	for _, short := range slices.Sorted(maps.Keys(is)) {
		if _, stays := will[short]; stays || goesWithParent(short, is, will) {
			continue
		}
		if steps, err = j.add(steps, "Deleted", is[short]); err != nil {
			return nil, "", err
		}
	}
	slices.SortFunc(steps, (*step).compare)
	return steps, branch.Body.String("commit"), nil
}

// byID gives files by the folded short id of what they stand for.
func byID(files []file) (map[string]file, error) {
	all := map[string]file{}
	for _, f := range files {
		short, _, err := f.entity()
		if err != nil {
			return nil, err
		}
		all[gatehouse.Fold(short)] = f
	}
	return all, nil
}

// goesWithParent reports whether something above is deleted, and this with it.
func goesWithParent(short string, is, will map[string]file) bool {
	for above := range is {
		if _, stays := will[above]; !stays && strings.HasPrefix(short, above+"/") {
			return true
		}
	}
	return false
}

// add admits the write that verb and a file stand for.
func (j *job) add(steps []*step, verb string, f file) ([]*step, error) {
	short, body, err := f.entity()
	if err != nil {
		return nil, err
	}
	id, err := gatehouse.ParseID(j.service.String() + short)
	if err != nil {
		return nil, err
	}
	d := j.op.Server.TypeOf(id.Type())
	if d == nil {
		return nil, refusal(gatehouse.Invalid, "ValidationError", "%s is of a type that this server does not know", short)
	}
	method := http.MethodPut
	if verb == "Deleted" {
		method, body = http.MethodDelete, nil
	}
	inner, err := j.op.Admit(method, id.String(), j.op.Version, body)
	if err != nil {
		return nil, err
	}
	inner.Header.Set("If-Match", "*")
	if verb == "Deleted" {
		inner.Query["deleterevisions"] = "true"
		if j.force {
			inner.Query["deletesubscriptions"] = "true"
		}
	}
	family := strings.TrimPrefix(gatehouse.Fold(d.Name), gatehouse.Fold(serviceType)+"/")
	order := slices.IndexFunc(configured, func(t string) bool { return gatehouse.Fold(t) == family })
	return append(steps, &step{op: inner, verb: verb, noun: d.Type.Noun, key: short, order: order}), nil
}

// phase is when a step has its turn: what may hold a name or path that others want goes first,
// what others may refer to until the last moment goes last.
func (s *step) phase() int {
	switch {
	case s.verb != "Deleted":
		return 1
	case s.order < slices.Index(configured, "apis"):
		return 2
	}
	return 0
}

func (s *step) compare(o *step) int {
	if c := cmp.Compare(s.phase(), o.phase()); c != 0 {
		return c
	}
	c := cmp.Compare(s.order, o.order)
	if s.verb == "Deleted" {
		c = -c
	}
	return cmp.Or(c, strings.Compare(s.key, o.key))
}
