package odata

import (
	"cmp"
	"encoding/json"
	"reflect"
	"strconv"
	"strings"
	"time"

	"gatehouse"
)

// Env is what a filter is evaluated against.
type Env struct {
	// Lookup returns what a field holds: nil, bool, string, a number, time.Time,
	// gatehouse.GUID, a slice of those, or an object. Not found counts as null.
	Lookup func(path string) (any, bool)
	// Call answers the functions that are not about text, such as assignedTo; nil
	// when the filter may hold none.
	Call func(name string, args []any) (bool, error)
	// CaseSensitive compares text exactly; Azure mostly does not.
	CaseSensitive bool
}

// Object is an element of a list that has fields of its own. Steps are separated by dots.
type Object interface {
	Lookup(path string) (any, bool)
}

// Match reports whether the filter holds in env. A nil filter always holds. As
// in OData a missing field is null: it equals null, differs from everything else,
// and is neither less nor greater than anything.
func (env *Env) Match(e Expr) (bool, error) {
	if e == nil {
		return true, nil
	}
	v, err := env.value(e)
	if err != nil {
		return false, err
	}
	switch b := v.(type) {
	case bool:
		return b, nil
	case nil:
		return false, nil
	}
	return false, fault(e.At(), "%s is neither true nor false: compare it with something", clip(e.String()))
}

func (env *Env) value(e Expr) (any, error) {
	switch e := e.(type) {
	case *Literal:
		return e.Value, nil
	case *Field:
		v, _ := env.Lookup(e.Path)
		return v, nil
	case *Not:
		b, err := env.Match(e.X)
		return !b, err
	case *Binary:
		return env.binary(e)
	case *In:
		return env.in(e)
	case *Lambda:
		return env.lambda(e)
	}
	return env.call(e.(*Call))
}

func (env *Env) binary(e *Binary) (any, error) {
	if e.Op == And || e.Op == Or {
		left, err := env.Match(e.Left)
		if err != nil || left == (e.Op == Or) {
			return left, err
		}
		return env.Match(e.Right)
	}
	left, err := env.value(e.Left)
	if err != nil {
		return nil, err
	}
	right, err := env.value(e.Right)
	if err != nil {
		return nil, err
	}
	return env.compare(e.Op, left, right), nil
}

func (env *Env) in(e *In) (any, error) {
	v, err := env.value(e.X)
	if err != nil {
		return nil, err
	}
	for _, l := range e.List {
		if env.compare(Eq, v, l.Value) {
			return true, nil
		}
	}
	return false, nil
}

func (env *Env) compare(op Op, left, right any) bool {
	order, comparable := order(left, right, !env.CaseSensitive)
	switch op {
	case Eq:
		return comparable && order == 0
	case Ne:
		return !comparable || order != 0
	}
	if !comparable || left == nil || right == nil {
		return false
	}
	switch op {
	case Gt:
		return order > 0
	case Ge:
		return order >= 0
	case Lt:
		return order < 0
	}
	return order <= 0
}

// order compares two values; not comparable are null with a value, and kinds that
// do not mix. Text is read as what stands on the other side.
func order(a, b any, fold bool) (int, bool) {
	a, b = plain(a), plain(b)
	if a == nil || b == nil {
		return 0, a == nil && b == nil
	}
	if s, ok := a.(string); ok {
		a = reread(s, b)
	}
	if s, ok := b.(string); ok {
		b = reread(s, a)
	}
	switch x := a.(type) {
	case string:
		if y, ok := b.(string); ok {
			return orderText(x, y, fold), true
		}
	case bool:
		if y, ok := b.(bool); ok {
			return cmp.Compare(truth(x), truth(y)), true
		}
	case time.Time:
		if y, ok := b.(time.Time); ok {
			return x.Compare(y), true
		}
	case gatehouse.GUID:
		if y, ok := b.(gatehouse.GUID); ok {
			return strings.Compare(string(x[:]), string(y[:])), true
		}
	case Number:
		if y, ok := b.(Number); ok {
			return orderNumbers(x, y)
		}
	}
	return 0, false
}

// reread turns text into the kind of other, when it can be read as that. Two
// texts that are both timestamps compare as times, whatever their precision.
func reread(s string, other any) any {
	switch o := other.(type) {
	case gatehouse.GUID:
		if g, err := gatehouse.ParseGUID(s); err == nil {
			return g
		}
	case time.Time:
		if t := looseTime(s); !t.IsZero() {
			return t
		}
	case Number:
		if s != "" && numeric(s) {
			return Number(s)
		}
	case string:
		if t := looseTime(s); !t.IsZero() && !looseTime(o).IsZero() {
			return t
		}
	}
	return s
}

func orderText(a, b string, fold bool) int {
	if fold {
		a, b = gatehouse.Fold(a), gatehouse.Fold(b)
	}
	return strings.Compare(a, b)
}

func truth(b bool) int {
	if b {
		return 1
	}
	return 0
}

func orderNumbers(a, b Number) (int, bool) {
	x, errX := strconv.ParseInt(string(a), 10, 64)
	y, errY := strconv.ParseInt(string(b), 10, 64)
	if errX == nil && errY == nil {
		return cmp.Compare(x, y), true
	}
	f, errF := strconv.ParseFloat(string(a), 64)
	g, errG := strconv.ParseFloat(string(b), 64)
	return cmp.Compare(f, g), errF == nil && errG == nil
}

// plain reduces a value to nil, bool, string, Number, time.Time or gatehouse.GUID.
func plain(v any) any {
	switch v := v.(type) {
	case nil, bool, string, Number, time.Time, gatehouse.GUID:
		return v
	case json.Number:
		return Number(v)
	}
	r := reflect.ValueOf(v)
	switch {
	case r.CanInt():
		return Number(strconv.FormatInt(r.Int(), 10))
	case r.CanUint():
		return Number(strconv.FormatUint(r.Uint(), 10))
	case r.CanFloat():
		return Number(strconv.FormatFloat(r.Float(), 'g', -1, 64))
	case r.Kind() == reflect.Bool:
		return r.Bool()
	case r.Kind() == reflect.String:
		if strings.Contains(r.Type().Name(), "Number") { // a JSON reader's own number type
			return Number(r.String())
		}
		return r.String()
	}
	return v
}

func (env *Env) call(e *Call) (any, error) {
	args := make([]any, len(e.Args))
	for i, a := range e.Args {
		v, err := env.value(a)
		if err != nil {
			return nil, err
		}
		args[i] = v
	}
	if v, ok := textFunction(e.Name, args, !env.CaseSensitive); ok {
		return v, nil
	}
	if env.Call == nil {
		return nil, fault(e.At(), "%s has no meaning here", e.Name)
	}
	return env.Call(e.Name, args)
}

func textFunction(name string, args []any, fold bool) (any, bool) {
	text := make([]string, len(args))
	missing := false
	for i, a := range args {
		s, ok := asText(a)
		missing = missing || !ok
		text[i] = s
		if fold {
			text[i] = gatehouse.Fold(s)
		}
	}
	var holds func(s, part string) bool
	switch name {
	case "startswith":
		holds = strings.HasPrefix
	case "endswith":
		holds = strings.HasSuffix
	case "contains":
		holds = strings.Contains
	case "substringof":
		holds = func(part, s string) bool { return strings.Contains(s, part) }
	case "tolower", "toupper":
		if missing {
			return nil, true
		}
		s, _ := asText(args[0])
		if name == "toupper" {
			return strings.ToUpper(s), true
		}
		return strings.ToLower(s), true
	default:
		return nil, false
	}
	return !missing && holds(text[0], text[1]), true
}

func asText(v any) (string, bool) {
	switch v := plain(v).(type) {
	case string:
		return v, true
	case Number:
		return string(v), true
	case gatehouse.GUID:
		return v.String(), true
	}
	return "", false
}

func (env *Env) lambda(e *Lambda) (any, error) {
	list, _ := env.Lookup(e.Path)
	elements := elements(list)
	if e.Body == nil {
		return len(elements) > 0, nil
	}
	for _, element := range elements {
		inner := *env
		inner.Lookup = func(path string) (any, bool) { return lookupElement(env, e.Var, element, path) }
		holds, err := inner.Match(e.Body)
		if err != nil || holds != e.All {
			return holds, err
		}
	}
	return e.All, nil
}

func elements(list any) []any {
	if l, ok := list.([]any); ok || list == nil {
		return l
	}
	r := reflect.ValueOf(list)
	if r.Kind() != reflect.Slice {
		return nil
	}
	out := make([]any, r.Len())
	for i := range out {
		out[i] = r.Index(i).Interface()
	}
	return out
}

func lookupElement(outer *Env, name string, element any, path string) (any, bool) {
	rest, ok := strings.CutPrefix(path, name)
	switch {
	case ok && rest == "":
		return element, true
	case ok && rest[0] == '/':
		return lookupIn(element, strings.Split(rest[1:], "/"))
	}
	return outer.Lookup(path)
}

func lookupIn(v any, steps []string) (any, bool) {
	switch o := v.(type) {
	case Object:
		return o.Lookup(strings.Join(steps, "."))
	case map[string]any:
		for name, member := range o {
			if gatehouse.Fold(name) != gatehouse.Fold(steps[0]) {
				continue
			}
			if len(steps) == 1 {
				return member, true
			}
			return lookupIn(member, steps[1:])
		}
	}
	return nil, false
}
