package gateway

import (
	"slices"
	"strings"
	"sync"

	"gatehouse/gateway/config"
	"gatehouse/gateway/pipeline"
	"gatehouse/policy"
)

// document is a policy document that is compiled when it is first needed, once, whoever needs it.
type document struct {
	source *config.Policy
	scope  policy.Scope
	texts  *texts
	names  []string // of named values that the text mentions
	parts  []string // ids of fragments that it includes, folded; "*" when one is computed

	once     sync.Once
	compiled *pipeline.Document
}

// texts are the named values and fragments of a service at one moment.
type texts struct {
	values    map[config.Key]map[string]*config.NamedValue // by workspace, then by display name
	fragments map[config.Key]*fragment
	hooks     func(workspace config.Key, env *pipeline.Env) // what else the compiler may ask
}

// fragment is a policy fragment, parsed once.
type fragment struct {
	source *config.Fragment
	names  []string
	once   sync.Once
	parsed *policy.Document
}

func (f *fragment) document() *policy.Document {
	f.once.Do(func() {
		format, _ := policy.FormatNamed(f.source.Format)
		f.parsed, _ = policy.Parse(f.source.Value, format) // nil when it cannot be read: who includes it fails
	})
	return f.parsed
}

func newFragment(s *config.Fragment) *fragment {
	return &fragment{source: s, names: mentioned(s.Value)}
}

func newDocument(p *config.Policy, scope policy.Scope, t *texts) *document {
	d := &document{source: p, scope: scope, texts: t, names: mentioned(p.Value)}
	rest := p.Value
	for {
		_, after, ok := strings.Cut(rest, "fragment-id")
		if !ok {
			return d
		}
		rest = after
		value := strings.TrimLeft(after, " \t\r\n=")
		if value == "" {
			return d
		}
		id, _, _ := strings.Cut(value[1:], value[:1])
		if strings.Contains(id, "{{") || strings.Contains(id, "&") {
			id = "*"
		}
		d.parts = append(d.parts, fold(strings.TrimSpace(id)))
	}
}

// mentioned lists the names of named values that stand in a text.
func mentioned(text string) []string {
	var names []string
	for {
		_, after, ok := strings.Cut(text, "{{")
		if !ok {
			return names
		}
		name, _, _ := strings.Cut(after, "}}")
		names = append(names, strings.Trim(name, "{"))
		text = after
	}
}

// get compiles the document when nobody has yet.
func (d *document) get() *pipeline.Document {
	d.once.Do(func() {
		src := pipeline.Source{ID: d.source.ID, Scope: d.scope}
		format, _ := policy.FormatNamed(d.source.Format)
		var err error
		if src.Document, err = policy.Parse(d.source.Value, format); err != nil {
			d.compiled = pipeline.Broken(src, err)
			return
		}
		d.compiled = pipeline.Compile(src, d.texts.env(d.source.Key().Workspace()))
	})
	return d.compiled
}

// env is what a document may refer to: that of its workspace, then that of the service. What is
// optional is never taken from the service for a workspace (policy.Reference.Maybe).
func (t *texts) env(workspace config.Key) pipeline.Env {
	env := pipeline.Env{
		NamedValue: func(n policy.Name) (string, bool, bool) {
			v := t.values[workspace][n.Name]
			if v == nil && workspace != "" && !n.Maybe {
				v = t.values[""][n.Name]
			}
			if v == nil || v.Missing {
				return "", false, false
			}
			return v.Value, v.Secret, true
		},
		Fragment: func(id string) *policy.Document {
			f := t.fragments[workspace.Child("policyFragments", id)]
			if f == nil {
				f = t.fragments[config.Key("").Child("policyFragments", id)]
			}
			if f == nil {
				return nil
			}
			return f.document()
		},
	}
	if t.hooks != nil {
		t.hooks(workspace, &env)
	}
	return env
}

// touches reports whether the document has to be compiled again when these have changed.
func (d *document) touches(names, parts map[string]bool) bool {
	return slices.ContainsFunc(d.names, func(n string) bool { return names[n] }) ||
		slices.ContainsFunc(d.parts, func(p string) bool { return parts[p] || p == "*" && len(names)+len(parts) > 0 })
}
