package expr

import (
	"strings"

	"gatehouse/dotnet"
)

// Exceptions. They are made by name; messages and inner exceptions are all that they carry.

var exceptionMembers = members{
	m("string Message { get; }", func(_ *Frame, a []Value) (Value, error) { return String(a[0].ref.(*Exception).Message), nil }),
	m("Exception InnerException { get; }", func(_ *Frame, a []Value) (Value, error) {
		if e := a[0].ref.(*Exception).Inner; e != nil {
			return Value{e, 0}, nil
		}
		return Null, nil
	}),
	m("Exception GetBaseException()", func(_ *Frame, a []Value) (Value, error) {
		e := a[0].ref.(*Exception)
		for e.Inner != nil {
			e = e.Inner
		}
		return Value{e, 0}, nil
	}),
	m("string StackTrace { get; }", func(*Frame, []Value) (Value, error) { return String("   at Expression"), nil }),
	m("string Source { get; }", func(*Frame, []Value) (Value, error) { return String("Expression"), nil }),
	m("int HResult { get; }", func(*Frame, []Value) (Value, error) { return Int(-2146233088), nil }),
	m("string ToString()", func(_ *Frame, a []Value) (Value, error) { return String(exceptionText(a[0].ref.(*Exception))), nil }),
}

// maxInner bounds how many inner exceptions are printed.
const maxInner = 100

func exceptionText(e *Exception) string {
	var b strings.Builder
	depth := 0
	for i := e; i != nil && depth < maxInner; i = i.Inner {
		if depth++; depth > 1 {
			b.WriteString("\n ---> ")
		}
		b.WriteString(i.TypeName + ": " + i.Message)
	}
	b.WriteString(strings.Repeat("\n   --- End of inner exception stack trace ---", depth-1))
	return b.String()
}

// thrown lists the exceptions that programs may name, with what they derive from and what they say unasked.
var thrown = []struct{ name, base, message string }{
	{"System.SystemException", "System.Exception", "System error."},
	{"System.ApplicationException", "System.Exception", "Error in the application."},
	{"System.ArgumentException", "System.SystemException", "Value does not fall within the expected range."},
	{"System.ArgumentNullException", "System.ArgumentException", "Value cannot be null."},
	{"System.ArgumentOutOfRangeException", "System.ArgumentException", "Specified argument was out of the range of valid values."},
	{"System.ArithmeticException", "System.SystemException", "Overflow or underflow in the arithmetic operation."},
	{"System.DivideByZeroException", "System.ArithmeticException", "Attempted to divide by zero."},
	{"System.OverflowException", "System.ArithmeticException", "Arithmetic operation resulted in an overflow."},
	{"System.FormatException", "System.SystemException", "One of the identified items was in an invalid format."},
	{"System.UriFormatException", "System.FormatException", "Invalid URI: The format of the URI could not be determined."},
	{"System.IndexOutOfRangeException", "System.SystemException", "Index was outside the bounds of the array."},
	{"System.ArrayTypeMismatchException", "System.SystemException", "Attempted to access an element as a type incompatible with the array."},
	{"System.InvalidCastException", "System.SystemException", "Specified cast is not valid."},
	{"System.InvalidOperationException", "System.SystemException", "Operation is not valid due to the current state of the object."},
	{"System.ObjectDisposedException", "System.InvalidOperationException", "Cannot access a disposed object."},
	{"System.NotSupportedException", "System.SystemException", "Specified method is not supported."},
	{"System.NotImplementedException", "System.SystemException", "The method or operation is not implemented."},
	{"System.NullReferenceException", "System.SystemException", "Object reference not set to an instance of an object."},
	{"System.RankException", "System.SystemException", "Attempted to operate on an array with the incorrect number of dimensions."},
	{"System.TimeoutException", "System.SystemException", "The operation has timed out."},
	{"System.UnauthorizedAccessException", "System.SystemException", "Attempted to perform an unauthorized operation."},
	{"System.OperationCanceledException", "System.SystemException", "The operation was canceled."},
	{"System.TimeZoneNotFoundException", "System.Exception", "The time zone ID was not found on the local computer."},
	{"System.InvalidTimeZoneException", "System.Exception", "The time zone is invalid."},
	{"System.AggregateException", "System.Exception", "One or more errors occurred."},
	{"System.Collections.Generic.KeyNotFoundException", "System.SystemException", "The given key was not present in the dictionary."},
	{"System.IO.IOException", "System.SystemException", "I/O error occurred."},
	{"System.IO.EndOfStreamException", "System.IO.IOException", "Attempted to read past the end of the stream."},
	{"System.Text.RegularExpressions.RegexMatchTimeoutException", "System.TimeoutException", "The Regex engine has timed out while trying to match a pattern to an input string."},
	{"System.Text.RegularExpressions.RegexParseException", "System.ArgumentException", "The pattern is invalid."},
	{"System.Text.DecoderFallbackException", "System.ArgumentException", "The bytes cannot be decoded."},
	{"System.Text.EncoderFallbackException", "System.ArgumentException", "The text cannot be encoded."},
	{"System.Security.Cryptography.CryptographicException", "System.SystemException", "Error occurred during a cryptographic operation."},
	{"System.Xml.XmlException", "System.SystemException", "An XML error has occurred."},
	{"Newtonsoft.Json.JsonException", "System.Exception", "Exception of type 'Newtonsoft.Json.JsonException' was thrown."},
	{"Newtonsoft.Json.JsonReaderException", "Newtonsoft.Json.JsonException", "Exception of type 'Newtonsoft.Json.JsonReaderException' was thrown."},
	{"Newtonsoft.Json.JsonWriterException", "Newtonsoft.Json.JsonException", "Exception of type 'Newtonsoft.Json.JsonWriterException' was thrown."},
	{"Newtonsoft.Json.JsonSerializationException", "Newtonsoft.Json.JsonException", "Exception of type 'Newtonsoft.Json.JsonSerializationException' was thrown."},
}

var exceptionTypes = func() map[string]*Type {
	types := map[string]*Type{"System.Exception": exceptionType}
	for _, t := range thrown {
		types[t.name] = new(Type)
	}
	return types
}()

var exceptionDecls = func() []Decl {
	decls := []Decl{{Head: "class System.Exception", Type: exceptionType, Refused: "TargetSite Data GetObjectData HelpLink",
		Members: append(constructors("System.Exception", "Exception of type 'System.Exception' was thrown."), exceptionMembers...)}}
	for _, t := range thrown {
		d := Decl{Type: exceptionTypes[t.name], Head: "class " + t.name + " : " + simpleName(t.base), Members: constructors(t.name, t.message)}
		if t.name == "System.ArgumentException" {
			d.Members = append(d.Members, m("string ParamName { get; }", func(_ *Frame, a []Value) (Value, error) { return paramName(a[0].ref.(*Exception)), nil }))
		}
		decls = append(decls, d)
	}
	return decls
}()

// constructors are those that exceptions have; ArgumentException and its kin take the parameter's name, some of them first.
func constructors(name, message string) members {
	self := simpleName(name)
	created := func(text string, inner Value) (Value, error) {
		e := &Exception{TypeName: name, Message: text}
		if i, ok := inner.ref.(*Exception); ok {
			e.Inner = i
		}
		return Value{e, 0}, nil
	}
	list := members{m(self+"()", func(*Frame, []Value) (Value, error) { return created(message, Null) })}
	with := func(text, param Value) (Value, error) {
		s := text.Str()
		if text.ref == nil {
			s = message
		}
		if param.Str() != "" {
			s += " (Parameter '" + param.Str() + "')"
		}
		return created(s, Null)
	}
	first := name == "System.ArgumentNullException" || name == "System.ArgumentOutOfRangeException"
	if first {
		return append(list,
			m(self+"(string paramName)", func(_ *Frame, a []Value) (Value, error) { return with(Null, a[0]) }),
			m(self+"(string paramName, string message)", func(_ *Frame, a []Value) (Value, error) { return with(a[1], a[0]) }),
			m(self+"(string message, Exception innerException)", func(_ *Frame, a []Value) (Value, error) { return created(a[0].Str(), a[1]) }),
		)
	}
	list = append(list,
		m(self+"(string message)", func(_ *Frame, a []Value) (Value, error) {
			if a[0].ref == nil {
				return created(message, Null)
			}
			return created(a[0].Str(), Null)
		}),
		m(self+"(string message, Exception innerException)", func(_ *Frame, a []Value) (Value, error) { return created(a[0].Str(), a[1]) }),
	)
	if name == "System.ArgumentException" {
		list = append(list, m(self+"(string message, string paramName)", func(_ *Frame, a []Value) (Value, error) { return with(a[0], a[1]) }))
	}
	return list
}

func paramName(e *Exception) Value {
	const mark = " (Parameter '"
	for i := len(e.Message) - 1; i >= 0; i-- {
		if len(e.Message)-i >= len(mark) && e.Message[i:i+len(mark)] == mark {
			return String(e.Message[i+len(mark) : len(e.Message)-2])
		}
	}
	return Null
}

// exceptionTypeOf is the type of an exception; one that no table names counts as what dotnet says it derives from.
func exceptionTypeOf(e *Exception) *Type {
	if t := exceptionTypes[e.TypeName]; t != nil {
		return t
	}
	best := exceptionType
	for _, t := range thrown {
		if u := exceptionTypes[t.name]; dotnet.ExceptionDerives(e.TypeName, t.name) && u.derives(best) {
			best = u
		}
	}
	return best
}
