package dotnet

import "fmt"

// Exception is an exception of .NET: what a catch clause can ask for by type and what LastError shows of it.
type Exception struct {
	TypeName string // full name, "System.FormatException"
	Message  string // as .NET 8 words it, with "(Parameter 'x')" where .NET appends it
	Inner    *Exception
}

func (e *Exception) Error() string { return e.TypeName + ": " + e.Message }

// Unwrap gives the inner exception to errors.As.
func (e *Exception) Unwrap() error {
	if e.Inner == nil {
		return nil
	}
	return e.Inner
}

// NewException makes an exception of a type by its full name.
func NewException(typeName, format string, args ...any) *Exception {
	if len(args) > 0 {
		format = fmt.Sprintf(format, args...)
	}
	return &Exception{TypeName: typeName, Message: format}
}

// The full names of the exceptions this package throws.
const (
	ArgumentException           = "System.ArgumentException"
	ArgumentNullException       = "System.ArgumentNullException"
	ArgumentOutOfRangeException = "System.ArgumentOutOfRangeException"
	ArithmeticException         = "System.ArithmeticException"
	DivideByZeroException       = "System.DivideByZeroException"
	FormatException             = "System.FormatException"
	IndexOutOfRangeException    = "System.IndexOutOfRangeException"
	InvalidCastException        = "System.InvalidCastException"
	InvalidOperationException   = "System.InvalidOperationException"
	KeyNotFoundException        = "System.Collections.Generic.KeyNotFoundException"
	NotSupportedException       = "System.NotSupportedException"
	NullReferenceException      = "System.NullReferenceException"
	ObjectDisposedException     = "System.ObjectDisposedException"
	OverflowException           = "System.OverflowException"
	RegexMatchTimeoutException  = "System.Text.RegularExpressions.RegexMatchTimeoutException"
	RegexParseException         = "System.Text.RegularExpressions.RegexParseException"
	TimeZoneNotFoundException   = "System.TimeZoneNotFoundException"
	UriFormatException          = "System.UriFormatException"
)

// bases says what each exception derives from; Exception itself is the end.
var bases = map[string]string{
	ArgumentException:           systemException,
	ArgumentNullException:       ArgumentException,
	ArgumentOutOfRangeException: ArgumentException,
	ArithmeticException:         systemException,
	DivideByZeroException:       ArithmeticException,
	FormatException:             systemException,
	IndexOutOfRangeException:    systemException,
	InvalidCastException:        systemException,
	InvalidOperationException:   systemException,
	KeyNotFoundException:        systemException,
	NotSupportedException:       systemException,
	NullReferenceException:      systemException,
	ObjectDisposedException:     InvalidOperationException,
	OverflowException:           ArithmeticException,
	RegexMatchTimeoutException:  "System.TimeoutException",
	RegexParseException:         ArgumentException,
	TimeZoneNotFoundException:   baseException,
	UriFormatException:          FormatException,
	systemException:             baseException,

	"System.TimeoutException":                             systemException,
	"System.RankException":                                systemException,
	"System.ArrayTypeMismatchException":                   systemException,
	"System.InvalidTimeZoneException":                     baseException,
	"System.IO.IOException":                               systemException,
	"System.IO.EndOfStreamException":                      "System.IO.IOException",
	"System.Xml.XmlException":                             systemException,
	"System.Net.Sockets.SocketException":                  "System.ComponentModel.Win32Exception",
	"System.ComponentModel.Win32Exception":                "System.Runtime.InteropServices.ExternalException",
	"System.Runtime.InteropServices.ExternalException":    systemException,
	"System.Security.Cryptography.CryptographicException": systemException,
	"System.Text.DecoderFallbackException":                ArgumentException,
	"System.Text.EncoderFallbackException":                ArgumentException,
	"Newtonsoft.Json.JsonException":                       baseException,
	"Newtonsoft.Json.JsonReaderException":                 "Newtonsoft.Json.JsonException",
	"Newtonsoft.Json.JsonWriterException":                 "Newtonsoft.Json.JsonException",
	"Newtonsoft.Json.JsonSerializationException":          "Newtonsoft.Json.JsonException",
}

const (
	baseException   = "System.Exception"
	systemException = "System.SystemException"
)

// Is reports whether e is of the type with that full name or of one that derives from it, as a catch clause asks.
func (e *Exception) IsA(typeName string) bool { return ExceptionDerives(e.TypeName, typeName) }

// ExceptionDerives reports whether the exception type from is to or derives from it. Every exception derives from
// System.Exception, also one that this package does not know.
func ExceptionDerives(from, to string) bool {
	for t := from; t != ""; t = bases[t] {
		if t == to {
			return true
		}
	}
	return to == baseException
}

// withParameter appends the parameter's name the way .NET does.
func withParameter(message, param string) string {
	if param == "" {
		return message
	}
	return message + " (Parameter '" + param + "')"
}

// ArgumentNull is thrown for a null argument.
func ArgumentNull(param string) *Exception {
	return &Exception{TypeName: ArgumentNullException, Message: withParameter("Value cannot be null.", param)}
}

// Argument is thrown for an argument that cannot be taken.
func Argument(message, param string) *Exception {
	return &Exception{TypeName: ArgumentException, Message: withParameter(message, param)}
}

// OutOfRange is thrown for an argument outside its range; without a message it gets .NET's general one.
func OutOfRange(message, param string) *Exception {
	if message == "" {
		message = "Specified argument was out of the range of valid values."
	}
	return &Exception{TypeName: ArgumentOutOfRangeException, Message: withParameter(message, param)}
}

// IndexRange is thrown for a bad index into a list or string.
func IndexRange(param string) *Exception {
	return OutOfRange("Index was out of range. Must be non-negative and less than the size of the collection.", param)
}

// ArrayIndex is thrown for a bad index into an array or a string's characters.
func ArrayIndex() *Exception {
	return &Exception{TypeName: IndexOutOfRangeException, Message: "Index was outside the bounds of the array."}
}

// NullReference is thrown by a member of null.
func NullReference() *Exception {
	return &Exception{TypeName: NullReferenceException, Message: "Object reference not set to an instance of an object."}
}

// DivideByZero is thrown by / and % of integers and decimals.
func DivideByZero() *Exception {
	return &Exception{TypeName: DivideByZeroException, Message: "Attempted to divide by zero."}
}

// Overflow is thrown by checked arithmetic.
func Overflow() *Exception {
	return &Exception{TypeName: OverflowException, Message: "Arithmetic operation resulted in an overflow."}
}

// OverflowOf is thrown when a value does not fit a type: "an Int32", "a Decimal".
func OverflowOf(article string) *Exception {
	return NewException(OverflowException, "Value was either too large or too small for %s.", article)
}

// InvalidCast is thrown by a cast to a type the object is not of.
func InvalidCast(from, to string) *Exception {
	return NewException(InvalidCastException, "Unable to cast object of type '%s' to type '%s'.", from, to)
}

// InvalidConversion is thrown by Convert between types that have nothing in common.
func InvalidConversion(from, to string) *Exception {
	return NewException(InvalidCastException, "Invalid cast from '%s' to '%s'.", from, to)
}

// InvalidOperation is thrown when the state of an object does not allow a call.
func InvalidOperation(message string) *Exception {
	return &Exception{TypeName: InvalidOperationException, Message: message}
}

// KeyNotFound is thrown by the indexer of a dictionary.
func KeyNotFound(key string) *Exception {
	return NewException(KeyNotFoundException, "The given key '%s' was not present in the dictionary.", key)
}

// DuplicateKey is thrown by Dictionary.Add.
func DuplicateKey(key string) *Exception {
	return NewException(ArgumentException, "An item with the same key has already been added. Key: %s", key)
}

// badInput is what the numbers' Parse methods throw.
func badInput(s string) *Exception {
	return NewException(FormatException, "The input string '%s' was not in a correct format.", s)
}

func formatError(message string) *Exception {
	return &Exception{TypeName: FormatException, Message: message}
}
