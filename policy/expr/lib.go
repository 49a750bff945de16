package expr

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// This file says how the types and members that expressions may use are declared. They stand in the files lib_*.go,
// a family each, as lists of Decl; the list of lists is families in this file: add yours there.
//
// # A type
//
// A Decl has a head, written as C# writes it, and members:
//
//	var randomDecls = []Decl{
//		{Head: "class System.Random", Members: members{
//			m("Random()", newRandom),
//			m("Random(int Seed)", newRandom),
//			m("int Next(int minValue, int maxValue)", randomNext),
//			m("double NextDouble()", randomDouble),
//		}},
//	}
//
// Heads: class, static class, struct, interface, delegate, enum; a base class and interfaces after the colon (a class
// without a base derives from Object); type parameters with variance: "interface System.Collections.Generic.IEnumerable<out T>
// : System.Collections.IEnumerable". "internal class" makes a type whose values expressions may have and use, but which they
// may not name (MatchCollection). Names of types in heads and signatures are found without their namespace, if only one
// type has that name. Order does not matter, within a file or between files.
//
//	{Head: "enum System.StringComparison { CurrentCulture, CurrentCultureIgnoreCase, Ordinal = 4 }"}
//	{Head: "[Flags] enum System.Text.RegularExpressions.RegexOptions { None, IgnoreCase, Multiline, ExplicitCapture = 4 }"}
//	{Head: "delegate TResult System.Func<in T, out TResult>(T arg)"}
//
// Type: &x, or Type: x with x a *Type, lets Go code use the type: var guidType = new(Type), Decl{Type: guidType, ...}.
// Zero is default(T) of a struct that does not live in 64 bits. Scalar says that a struct lives in 64 bits (Number makes its
// values, default is 0). Refused lists members that .NET has and expressions may not use, by name: they are refused with
// "Usage of member", where an unknown name gets the compiler's own text.
//
// # Members
//
//	m("string Substring(int startIndex, int length)", f)           a method; static, params, defaults, out as in C#
//	m("static bool TryParse(string s, out int result)", f)         f stores into a[1]; the core assigns it
//	m("string PadLeft(int width, char c = ' ')", f)                optional parameters arrive with their default
//	m("static string Join(string separator, params string[] value)", f)  the last argument arrives as one array
//	m("int Length { get; }", f)                                    a property
//	p("string Value { get; set; }", get, set)                      set gets the receiver and the value
//	p("JToken this[object key] { get; set; }", get, set)           an indexer: receiver, index, value
//	m("static DateTime UtcNow { get; }", f)                        a static property or readonly field
//	c("const int MaxValue", Int(math.MaxInt32))                    a constant; it takes part in constant folding
//	m("static TimeSpan operator -(DateTime d1, DateTime d2)", f)   an operator; lifting to Nullable is done for you
//	m("static implicit operator JToken(string value)", f)          a conversion; explicit likewise
//	m("Guid(string g)", f)                                         a constructor: the type's own simple name
//	m("static int Count<T>(this IEnumerable<T> source)", f)        an extension method, in any static class
//	g("static List<T> ToList<T>(this IEnumerable<T> source)", f)   a generic member whose code needs the types
//
// Generic members that do not care what T is use m. g takes a Generic: a function that is called once, when a program is compiled,
// with the arguments of the declaring type followed by those of the method, and returns the Func. Constructors of generic types
// are such members: g("List()", func(t []*Type) Func {...}) gets the T of List<T>.
//
// # The code of a member
//
//	func(f *Frame, a []Value) (Value, error)
//
// a holds the receiver first, unless the member is static, then the arguments, converted to the types of the parameters. The
// receiver is never null: the core has thrown NullReferenceException. Do not keep a, nor change it, except for out and
// ref parameters. Void methods return Null, nil. f.Context() is the call, f.Now() the time, f.Spend(n) takes n bytes from the
// budget: call it before making strings, arrays or trees that can be larger than what is at hand; f.Step(n) counts work that loops
// over n things. Both return a *LimitError to hand up. A lambda is called by f.Call(fn, x) or f.Call(fn, x, y).
//
// # Values
//
// Numbers, char, bool, enumerations and Scalar structs live in the Value: a[1].Int(), a[1].Float(), a[1].Bool(); made by Int, Long,
// Double, Bool, Char, Number(type, n). Strings: a[1].Str() and String(s); null strings are IsNull(). Everything else is a pointer to
// a Go struct: Object(p) makes the Value, a[1].Ref().(*Thing) takes it apart (static typing makes that safe for sealed
// types; use the two-result form where an interface or base class was declared). Structs (Guid, decimal, DateTimeOffset) are pointers to
// values that never change. byte[] is *Blob (Value.ByteSlice, Bytes), other arrays are *Array with Elem and Items, List<T> is *List,
// Dictionary<K,V> is *Dict; Nullable<T> is Null or the T itself. iterate(f, v, yield) walks whatever foreach can walk.
//
// The core must know the .NET type of a pointer when C# asks at run time (is, as, casts from object, ToString): let the
// struct have a method dotnetType() *Type, or, for a struct of another package, add a case to the function kindOf of its family
// to the list runtimeTypes in this file. Give foreach and LINQ a case in walkers in the same way when it is a collection.
// ToString(), Equals(object), GetHashCode() and CompareTo are virtual: what a type declares under these names is what
// string concatenation, ==, Dictionary and OrderBy use at run time.
//
// # Exceptions
//
// A .NET exception is an error: return Null, throw("System.FormatException", "Input string was not in a correct format."), or
// the *dotnet.Exception that a function of package dotnet returned. Types of exceptions that programs may name are declared in
// lib_exception.go. Any other Go error becomes a System.Exception with its text.

// Func is the code of a member.
type Func func(f *Frame, a []Value) (Value, error)

// Generic makes the code of a generic member for the types it is used with.
type Generic func(t []*Type) Func

// Decl declares a type.
type Decl struct {
	Head    string
	Type    *Type
	Zero    Value
	Scalar  bool
	Refused string
	Members members
}

type members []row

type row struct {
	sig      string
	fn, set  Func
	gen      Generic
	constant Value
}

func m(sig string, fn Func) row       { return row{sig: sig, fn: fn} }
func g(sig string, gen Generic) row   { return row{sig: sig, gen: gen} }
func p(sig string, get, set Func) row { return row{sig: sig, fn: get, set: set} }
func c(sig string, v Value) row       { return row{sig: sig, constant: v} }

// families are the tables.
func families() [][]Decl {
	return [][]Decl{
		objectDecls, primitiveDecls, mathDecls, convertDecls, dateDecls, stringDecls, collectionDecls, enumerableDecls, delegateDecls, exceptionDecls, contextDecls, gatewayDecls, tupleDecls, moreDecls, ioDecls, netDecls, xmlReaderDecls,
		jsonDecls, xmlDecls, regexDecls, webDecls, builderDecls, zoneDecls,
		cryptoDecls, certificateDecls,
	}
}

// runtimeTypes know the types of pointers to structs of other packages; nil is "not mine".
var runtimeTypes = []func(pointer any) *Type{contextKind, jsonKind, xmlKind, timeKind, regexKind, webKind}

// walkers walk collections of other packages.
var walkers = []func(pointer any) (walk, bool){contextWalk, jsonWalk}

// library is all types and members.
type library struct {
	types      map[string]*Type // by full name and arity: "System.Func`2"
	simple     map[string][]*Type
	extensions map[string][]*member
	namespaces map[string]bool
	err        error
}

// implicitNamespaces are those whose types need no qualification (policy-expressions.md 2). The context types have none.
var implicitNamespaces = []string{"", "System", "System.Collections.Generic", "System.IO", "System.Linq", "System.Net", "System.Text",
	"System.Text.RegularExpressions", "System.Xml", "System.Xml.Linq", "System.Security.Cryptography",
	"System.Security.Cryptography.X509Certificates", "Newtonsoft.Json", "Newtonsoft.Json.Linq"}

// lib reads the tables, once.
var lib = sync.OnceValue(func() *library { return read(families()) })

func read(families [][]Decl) *library {
	l := &library{types: map[string]*Type{}, simple: map[string][]*Type{}, extensions: map[string][]*member{}, namespaces: map[string]bool{}}
	var heads []*sigParser
	var decls []*Decl
	for _, family := range families {
		for i := range family {
			d := &family[i]
			s := l.head(d)
			heads, decls = append(heads, s), append(decls, d)
		}
	}
	for i, s := range heads {
		l.bases(s, decls[i])
		l.keep(s.done())
	}
	// An array T[] is an IList<T> besides what System.Array is: the parameter stands for what its elements are.
	element := &Type{kind: kTypeParam, name: "T"}
	arrayType.declared = append(arrayType.declared, instance(ilistType, element), instance(iReadOnlyList, element))
	for i, s := range heads {
		for j := range decls[i].Members {
			l.member(s.on, &decls[i].Members[j])
		}
	}
	if l.err != nil {
		panic("policy/expr: " + l.err.Error()) // a mistake in the tables, found by any test
	}
	return l
}

func (l *library) keep(err error) {
	if l.err == nil {
		l.err = err
	}
}

var headKinds = map[string]kind{"class": kClass, "struct": kStruct, "interface": kInterface, "enum": kEnum, "delegate": kDelegate}

// head reads a head up to the name and registers the type.
func (l *library) head(d *Decl) *sigParser {
	t := d.Type
	if t == nil {
		t = new(Type)
	}
	s := l.signature(strings.TrimPrefix(d.Head, "[Flags] "), t)
	t.flags = strings.HasPrefix(d.Head, "[Flags] ")
	for {
		word := s.next().text
		if k, ok := headKinds[word]; ok {
			if t.kind == kClass {
				t.kind = k
			}
			break
		}
		switch word {
		case "static":
			t.static = true
		case "internal":
			t.internal = true
		case "sealed", "abstract", "public":
		default:
			s.oops("unexpected %q", word)
			return s
		}
	}
	if t.kind == kDelegate {
		s.i0(t)
	}
	name := s.ident()
	for s.accept(".") || s.accept("+") {
		sep := s.tokens[s.i-1].text
		name += sep + s.ident()
	}
	t.name = name
	if t.kind != kDelegate {
		t.args, t.variance = s.typeParams(false)
	}
	if d.Scalar {
		t.zero = Value{t, 0}
	} else if d.Zero.ref != nil {
		t.zero = d.Zero
	}
	t.refused = wordSet(d.Refused)
	t.members = map[string][]*member{}
	l.register(t)
	return s
}

// i0 skips the result of a delegate, which may name its parameters; it is read when all types are known.
func (s *sigParser) i0(t *Type) {
	start := s.i
	s.tryType(false)
	at := s.i
	s.ident()
	for s.accept(".") {
		s.ident()
	}
	t.args, t.variance = s.typeParams(false)
	s.i = start
	t.index = start
	s.i = at
}

func (l *library) register(t *Type) {
	key := t.name
	if n := len(t.args); n > 0 {
		key += "`" + strconv.Itoa(n)
	}
	if old := l.types[key]; old != nil && old != t {
		l.keep(fmt.Errorf("type %s is declared twice", key))
	}
	l.types[key] = t
	base := simpleName(t.name) + "`" + strconv.Itoa(len(t.args))
	l.simple[base] = append(l.simple[base], t)
	for ns := t.name; strings.Contains(ns, "."); {
		ns = ns[:strings.LastIndex(ns, ".")]
		l.namespaces[ns] = true
	}
}

// bases reads the rest of a head.
func (l *library) bases(s *sigParser, d *Decl) {
	t := s.on
	switch t.kind {
	case kEnum:
		s.enumeration()
		return
	case kDelegate:
		at := s.i
		s.i = t.index
		inv := &member{name: "Invoke", on: t, ret: s.wanted()}
		s.i = at
		s.typeParams(false)
		s.parameters(inv, "(", ")")
		t.invoke, t.index = inv, 0
		return
	}
	if s.accept(":") {
		for {
			t.declared = append(t.declared, s.wanted())
			if !s.accept(",") {
				break
			}
		}
	}
}

func (s *sigParser) enumeration() {
	s.expect("{")
	next := int64(0)
	for !s.is("}") && s.tok().kind != tkEnd {
		e := enumName{name: s.ident(), value: next}
		if s.accept("=") {
			negative := s.accept("-")
			e.value = s.next().value.n
			if negative {
				e.value = -e.value
			}
		}
		next = e.value + 1
		s.on.enum = append(s.on.enum, e)
		if !s.accept(",") {
			break
		}
	}
	s.expect("}")
	s.on.zero = Value{s.on, 0}
}

func (l *library) member(t *Type, r *row) {
	s := l.signature(r.sig, t)
	x := &member{fn: r.fn, set: r.set, gen: r.gen, constant: r.constant}
	s.member(x)
	if err := s.done(); err != nil {
		l.keep(err)
		return
	}
	if x.fn == nil && x.gen == nil && x.kind != mConstant {
		l.keep(fmt.Errorf("%q of %v has no code", r.sig, t))
	}
	t.members[x.name] = append(t.members[x.name], x)
	if x.kind == mOperator || x.kind == mConversion {
		t.fresh = append(t.fresh, x)
	}
	if x.ext {
		l.extensions[x.name] = append(l.extensions[x.name], x)
	}
}

// byName finds a type by its full name, or by its simple name in the implicit namespaces or, if there is but one, anywhere.
func (l *library) byName(name string, arity int) *Type {
	suffix := ""
	if arity > 0 {
		suffix = "`" + strconv.Itoa(arity)
	}
	for _, ns := range implicitNamespaces {
		key := name + suffix
		if ns != "" {
			key = ns + "." + key
		}
		if t := l.types[key]; t != nil {
			return t
		}
	}
	if list := l.simple[name+"`"+strconv.Itoa(arity)]; len(list) == 1 {
		return list[0]
	}
	return nil
}

// named finds the type that code means by a name: a full one, or a simple one in the implicit namespaces.
func (l *library) named(name string, arity int) *Type {
	t := l.byName(name, arity)
	if t == nil || t.name == name {
		return t
	}
	for _, ns := range implicitNamespaces {
		if ns+"."+name == t.name || ns == "" && name == t.name {
			return t
		}
	}
	return nil
}

// enumText prints a value of an enumeration as ToString does.
func (t *Type) enumText(n int64) string {
	for _, e := range t.enum {
		if e.value == n {
			return e.name
		}
	}
	if !t.flags || n == 0 {
		return strconv.FormatInt(n, 10)
	}
	var names []string
	rest := n
	for i := len(t.enum) - 1; i >= 0; i-- {
		if e := t.enum[i]; e.value != 0 && rest&e.value == e.value {
			names = append(names, e.name)
			rest &^= e.value
		}
	}
	if rest != 0 {
		return strconv.FormatInt(n, 10)
	}
	slices.Reverse(names)
	return strings.Join(names, ", ")
}

func itoa(n int) string { return strconv.Itoa(n) }
