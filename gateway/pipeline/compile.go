package pipeline

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"gatehouse/policy"
)

// Section is a section of a document, in the order of a call.
type Section uint8

// The sections.
const (
	Inbound Section = iota
	Backend
	Outbound
	OnError
)

var sectionNames = [...]string{"inbound", "backend", "outbound", "on-error"}

func (s Section) String() string { return sectionNames[s] }

// Source is a document of policies with what it is attached to.
type Source struct {
	ID       string // of the policy, for logs
	Scope    policy.Scope
	Document *policy.Document
}

// Env is what the compiler asks about the service, as the document's writer could see it: a
// document of a workspace is given what is in reach of that workspace, and never something of the
// service for a name that is optional (policy.Name.Maybe).
type Env struct {
	NamedValue func(policy.Name) (text string, secret, ok bool)
	Fragment   func(id string) *policy.Document
}

// Document is a compiled document. It never changes and may be in many chains.
type Document struct {
	Source
	Err error // what is wrong with it; such a document fails every call (it is never skipped)

	// Warnings tell what of it fails the calls that reach it, since this gateway does not have it.
	Warnings []string

	// What it was made of besides its text: when one of these changes it has to be compiled again.
	NamedValues, Fragments []string

	sections [4]Block
	direct   []*cors // in inbound itself; nil stands for base
	stores   stores  // that outbound has
	plugins  []byte  // what cross-domain in inbound itself serves; nil for none
}

// Compile makes a document ready to run. One that is wrong fails every call that it governs.
func Compile(src Source, env Env) *Document {
	k := &Compiler{env: env, doc: &Document{Source: src}}
	for s := range Inbound + 4 {
		k.section = s
		if written := src.Document.Section(s.String()); written != nil {
			k.doc.sections[s] = k.block(written.Policies)
		}
	}
	k.doc.direct = directCORS(k.doc.sections[Inbound])
	slices.Sort(k.doc.NamedValues)
	k.doc.NamedValues = slices.Compact(k.doc.NamedValues)
	if k.doc.Err = errors.Join(k.faults...); k.doc.Err != nil {
		k.doc.breakUp()
	}
	return k.doc
}

// Broken makes a document of a source that cannot even be read: it fails every call.
func Broken(src Source, err error) *Document {
	d := &Document{Source: src, Err: err}
	d.breakUp()
	return d
}

func (d *Document) breakUp() {
	at := &Place{Element: "configuration", Scope: scopeName(d.Scope), Section: Inbound.String()}
	fail := StepFunc(func(*Call) error {
		return &Failure{Reason: "PolicyInvalid", Message: "The policy of the scope cannot be run: " + d.Err.Error(), Cause: d.Err}
	})
	d.direct = nil
	d.sections = [4]Block{Inbound: {placed{Step: fail, place: at}}}
}

// Compiler compiles one document. Elements ask it for the values of their attributes and for the
// policies in them; each call notes what is wrong, so that they need not.
type Compiler struct {
	env      Env
	doc      *Document
	section  Section
	path     []string
	inside   *policy.Definition // the policy that is being compiled
	fragment string             // id of the fragment that is being compiled, "" outside of one
	stores   int                // how many cache-store there were
	retried  int                // how many retry the element stands in
	faults   []error
}

// Section is where the element stands that is being compiled.
func (k *Compiler) Section() Section { return k.section }

// Scope is what the document is attached to.
func (k *Compiler) Scope() policy.Scope { return k.doc.Scope }

// Answers reports whether policies that work on a message work on the answer here (gateway.md 7).
func (k *Compiler) Answers() bool { return k.section == Outbound || k.section == OnError }

// Side is the message that policies work on here.
func (k *Compiler) Side() Side {
	if k.Answers() {
		return Answer
	}
	return Request
}

// Fault notes what is wrong with an element.
func (k *Compiler) Fault(e *policy.Element, format string, args ...any) {
	k.faults = append(k.faults, policy.Fault{Element: e.Name, Pos: e.Pos, Message: fmt.Sprintf(format, args...)})
}

// Warn notes that something in the document fails the calls that reach it.
func (k *Compiler) Warn(text string) {
	if !slices.Contains(k.doc.Warnings, text) {
		k.doc.Warnings = append(k.doc.Warnings, text)
	}
}

// Block compiles the policies in an element that holds some; step is what it is called in the
// path of errors, with its place among its kind: when[2]. "" leaves the path as it is.
func (k *Compiler) Block(policies []*policy.Element, step string) Block {
	if step != "" {
		k.path = append(k.path, step)
		defer func() { k.path = k.path[:len(k.path)-1] }()
	}
	return k.block(policies)
}

func (k *Compiler) block(policies []*policy.Element) Block {
	b := make(Block, 0, len(policies))
	counted := map[string]int{}
	for _, e := range policies {
		counted[e.Name]++
		find := element(e.Name)
		if find == nil {
			k.Fault(e, "The policy '%s' is not available in this gateway.", e.Name)
			continue
		}
		k.path = append(k.path, fmt.Sprintf("%s[%d]", e.Name, counted[e.Name]))
		stores := k.stores
		outer := k.inside
		k.inside = policy.Define(e.Name)
		step := find(k, e)
		k.inside = outer
		k.path = k.path[:len(k.path)-1]
		if step != nil {
			b = append(b, placed{step, k.place(e), e.Name == "base" || k.stores > stores})
		}
	}
	return b
}

func (k *Compiler) place(e *policy.Element) *Place {
	p := &Place{Element: e.Name, Scope: scopeName(k.doc.Scope), Section: k.section.String(), Path: strings.Join(k.path, "/")}
	if id, ok := e.Attr("id"); ok {
		p.ID = id.Text
	}
	return p
}

func scopeName(s policy.Scope) string {
	switch s {
	case policy.Workspace:
		return "workspace"
	case policy.Product:
		return "product"
	case policy.API:
		return "api"
	case policy.Operation:
		return "operation"
	}
	return "global"
}

// resolve replaces named values in v (gateway.md 5.4).
func (k *Compiler) resolve(e *policy.Element, v policy.Value) policy.Value {
	v, missing := v.Resolve(k.namedValue)
	for _, n := range missing {
		k.Fault(e, "Cannot find a property '%s'", n.Name)
	}
	return v
}

func (k *Compiler) namedValue(n policy.Name) (string, bool) {
	k.doc.NamedValues = append(k.doc.NamedValues, n.Name)
	if k.env.NamedValue == nil {
		return "", false
	}
	text, _, ok := k.env.NamedValue(n)
	return text, ok
}
