package needs

import (
	"bufio"
	"bytes"
	"encoding/json"
	"encoding/xml"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"gatehouse"
	"gatehouse/jsondoc"
	"gatehouse/rbac/builtin"
	"gatehouse/template"
)

// Options say what a file does not.
type Options struct {
	Subscription string          // of a plan that names none
	Scope        gatehouse.ID    // that a template is deployed to, or a policy is set at
	Parameters   *jsondoc.Object // of a template
	Now          time.Time
}

// Read finds out what a file is and what it needs.
func Read(text []byte, o Options) (*Requirements, error) {
	trimmed := bytes.TrimSpace(text)
	switch {
	case bytes.HasPrefix(trimmed, []byte("<")):
		return Policy(trimmed, o.Scope)
	case !bytes.HasPrefix(trimmed, []byte("{")):
		return Recording(text)
	}
	var shape struct {
		Changes json.RawMessage `json:"resource_changes"`
		Format  string          `json:"format_version"`
		Schema  string          `json:"$schema"`
	}
	if json.Unmarshal(trimmed, &shape) == nil {
		switch {
		case shape.Changes != nil || shape.Format != "":
			return Terraform(trimmed, o.Subscription)
		case strings.Contains(gatehouse.Fold(shape.Schema), "deploymenttemplate"):
			return Template(trimmed, o)
		}
	}
	return Recording(text)
}

// exchange is a call of a recording.
type exchange struct {
	Request struct{ Method, URL string }
}

// Recording reads a HAR file, JSON lines of "gatehouse audit export", or a log that shows requests, as az --debug and
// TF_LOG=DEBUG write them. The audit log holds no reads.
func Recording(text []byte) (*Requirements, error) {
	r := newRequirements("recording")
	var har struct {
		Log struct{ Entries []exchange }
	}
	if json.Unmarshal(text, &har) == nil && len(har.Log.Entries) > 0 {
		for _, e := range har.Log.Entries {
			r.call(e.Request.Method, e.Request.URL)
		}
		return r.sort(), nil
	}
	s := bufio.NewScanner(bytes.NewReader(text))
	s.Buffer(nil, 64<<20)
	l := logReader{Requirements: r}
	for s.Scan() {
		l.line(s.Text())
	}
	if err := s.Err(); err != nil {
		return nil, err
	}
	if len(r.Needs)+len(r.Unknown) == 0 {
		return nil, gatehouse.Errorf(gatehouse.Invalid, "InvalidInput", "There is no request to Resource Manager in this file: give a Terraform plan (terraform show -json), an ARM template, a policy, a HAR file, JSON lines of \"gatehouse audit export\", or what az --debug wrote.")
	}
	if l.audit {
		r.Notes = append(r.Notes, "The audit log holds changes and refusals, no reads: what only reads is missing here.")
	}
	return r.sort(), nil
}

type logReader struct {
	*Requirements
	url   string // of az, whose method comes on the next line
	audit bool
}

var (
	requestLine = regexp.MustCompile(`\b(GET|HEAD|PUT|PATCH|POST|DELETE) (?:https?://[^\s/"']+)?(/[^\s"']*) HTTP/\d`)
	azURL       = regexp.MustCompile(`Request URL: '([^']+)'`)
	azMethod    = regexp.MustCompile(`Request method: '([A-Z]+)'`)
)

func (l *logReader) line(line string) {
	if strings.HasPrefix(line, "{") {
		var c gatehouse.Change
		if json.Unmarshal([]byte(line), &c) == nil && c.Cause.Action != "" && c.Cause.Scope != "" {
			l.audit = true
			if id, err := gatehouse.ParseID(c.Cause.Scope); err == nil && !strings.HasPrefix(c.Cause.Action, builtin.DirectoryNamespace) {
				l.add(c.Cause.Action, id, orElse(c.Cause.Method, string(c.Kind))+" "+id.String())
			}
			return
		}
	}
	if m := azURL.FindStringSubmatch(line); m != nil {
		l.url = m[1]
		return
	}
	if m := azMethod.FindStringSubmatch(line); m != nil && l.url != "" {
		l.call(m[1], l.url)
		l.url = ""
		return
	}
	if m := requestLine.FindStringSubmatch(line); m != nil {
		l.call(m[1], m[2])
	}
}

func orElse(s, other string) string {
	if s == "" {
		return other
	}
	return s
}

// known are the actions in the catalogue, folded.
var known = sync.OnceValue(func() map[string]bool {
	out := map[string]bool{}
	for _, o := range builtin.Operations() {
		out[gatehouse.Fold(o.Name)] = true
	}
	return out
})

// call adds the permission that a request asks for: what its method and path say (rbac.md 5.1), unless only another verb
// of the same type is known.
func (r *Requirements) call(method, address string) {
	u, err := url.Parse(address)
	if err != nil {
		return
	}
	path := strings.TrimSuffix(u.Path, "/")
	first, _, _ := strings.Cut(strings.TrimPrefix(gatehouse.Fold(path), "/"), "/")
	switch {
	case first == "v1.0" || first == "beta":
		r.unknown("permissions of Microsoft Graph: " + method + " " + path)
		return
	case first != "subscriptions" && first != "providers", strings.Count(path, "/") == 1:
		return // signing in, and lists that everybody may ask for
	}
	id, action, ok := actionOf(method, path)
	if !ok {
		r.unknown(method + " " + path)
		return
	}
	r.add(action, id, method+" "+path)
}

func actionOf(method, path string) (id gatehouse.ID, action string, ok bool) {
	verb := map[string]string{"GET": "read", "HEAD": "read", "PUT": "write", "PATCH": "write", "DELETE": "delete", "POST": "action"}[method]
	id, err := gatehouse.ParseID(path)
	if err == nil && method != "POST" {
		return id, id.Type() + "/" + verb, true
	}
	cut := strings.LastIndexByte(path, '/')
	last := path[cut+1:]
	parent := path[:cut]
	if i := strings.LastIndex(gatehouse.Fold(parent), "/providers/"); i >= 0 && strings.Count(parent[i+1:], "/") == 1 {
		parent = parent[:i] // a collection right below a namespace
	}
	of, err := gatehouse.ParseID(parent)
	if err != nil {
		return id, "", false
	}
	typ := strings.TrimSuffix(of.Child(last, "x").Type(), "/"+last)
	if parent != path[:cut] {
		typ = path[strings.LastIndexByte(path[:cut], '/')+1 : cut]
	}
	action = typ + "/" + last + "/" + verb
	if method == "POST" && !known()[gatehouse.Fold(action)] {
		for _, other := range []string{"read", "write"} {
			if known()[gatehouse.Fold(typ+"/"+last+"/"+other)] {
				action = typ + "/" + last + "/" + other
			}
		}
	}
	return of, action, true
}

// Template says what deploying an ARM template needs, with the right to deploy at all.
func Template(text []byte, o Options) (*Requirements, error) {
	doc, err := jsondoc.ParseObjectWith(text, jsondoc.Options{Relaxed: true, MaxBytes: len(text)})
	if err != nil {
		return nil, err
	}
	t, err := template.Parse(doc)
	if err != nil {
		return nil, err
	}
	scope := o.Scope
	if scope.IsRoot() {
		scope = gatehouse.MustID("/subscriptions/{subscription}/resourceGroups/{group}")
	}
	params := o.Parameters
	if params == nil {
		params = defaults(doc)
	}
	plan, err := t.Plan(params, template.Env{Scope: scope, Now: o.Now})
	if err != nil {
		return nil, err
	}
	r := newRequirements("ARM template")
	deployment := scope.Extension("Microsoft.Resources", "deployments", "{deployment}")
	for _, action := range []string{"read", "write", "validate/action", "operationStatuses/read", "operations/read"} {
		r.add("Microsoft.Resources/deployments/"+action, deployment, "the deployment")
	}
	for _, s := range plan.Steps {
		if !s.Existing {
			r.creates[s.ID.Scope()] = true
		}
	}
	for _, s := range plan.Steps {
		why := s.Type + " " + s.Name
		r.add(s.Type+"/read", s.ID, why)
		if s.Existing {
			continue
		}
		r.add(s.Type+"/write", s.ID, why)
		if gatehouse.EqualFold(s.Type, "Microsoft.Resources/deployments") {
			r.unknown("what the nested deployment " + s.Name + " needs: ask with its template")
		}
	}
	for _, id := range identities.FindAllString(string(text), -1) {
		if id, err := gatehouse.ParseID(id); err == nil {
			r.add("Microsoft.ManagedIdentity/userAssignedIdentities/assign/action", id, "an identity that a resource gets")
		}
	}
	return r.sort(), nil
}

var identities = regexp.MustCompile(`(?i)/subscriptions/[^/"'\[\]]+/resourceGroups/[^/"'\[\]]+/providers/Microsoft\.ManagedIdentity/userAssignedIdentities/[^/"'\[\]]+`)

// defaults stands in for parameters that are not given: their own names, so that the IDs show where they go.
func defaults(doc *jsondoc.Object) *jsondoc.Object {
	out := &jsondoc.Object{}
	params := doc.Object("parameters")
	if params == nil {
		return out
	}
	for name, v := range params.All() {
		p, ok := v.(*jsondoc.Object)
		if !ok || p.Has("defaultValue") || gatehouse.Fold(p.String("type")) != "string" {
			continue
		}
		value := &jsondoc.Object{}
		value.Set("value", "{"+name+"}")
		out.Set(name, value)
	}
	return out
}

// Policy says what writing an API Management policy needs where it is set, and what it refers to.
func Policy(text []byte, at gatehouse.ID) (*Requirements, error) {
	r := newRequirements("policy")
	service := at
	for !service.IsRoot() && !gatehouse.EqualFold(service.Type(), "Microsoft.ApiManagement/service") {
		service = service.Parent()
	}
	if service.IsRoot() {
		return nil, gatehouse.Errorf(gatehouse.Invalid, "InvalidScope", "Say with --scope where the policy is set: the ID of a service, workspace, product, API or operation.")
	}
	var root struct{ XMLName xml.Name }
	if err := xml.Unmarshal(text, &root); err != nil && len(root.XMLName.Local) == 0 {
		return nil, gatehouse.Errorf(gatehouse.Invalid, "InvalidPolicy", "The policy is no XML document: %v.", err)
	}
	policy := at.Child("policies", "policy")
	if root.XMLName.Local == "fragment" {
		policy = at.Child("policyFragments", "{fragment}")
	}
	r.add(policy.Type()+"/write", policy, "the policy")
	r.add(policy.Type()+"/read", policy, "the policy")
	for _, ref := range []struct {
		pattern *regexp.Regexp
		what    string
	}{{namedValue, "named values"}, {fragment, "fragments"}, {backend, "backends"}, {certificate, "certificates"}} {
		var names []string
		for _, m := range ref.pattern.FindAllSubmatch(text, -1) {
			if name := string(m[1]); !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
		if len(names) > 0 {
			r.Notes = append(r.Notes, "The policy refers to "+ref.what+", which have to be there and for which no permission is asked: "+strings.Join(names, ", ")+".")
		}
	}
	if m := resource.FindSubmatch(text); m != nil {
		r.Notes = append(r.Notes, "The policy signs in to "+string(m[1])+" as the identity of the service: give that identity a role there.")
	}
	return r.sort(), nil
}

var (
	namedValue  = regexp.MustCompile(`\{\{([A-Za-z0-9._-]+)\}\}`)
	fragment    = regexp.MustCompile(`fragment-id="([^"@{]+)"`)
	backend     = regexp.MustCompile(`backend-id="([^"@{]+)"`)
	certificate = regexp.MustCompile(`certificate-id="([^"@{]+)"`)
	resource    = regexp.MustCompile(`<authentication-managed-identity[^>]*resource="([^"@]+)"`)
)
