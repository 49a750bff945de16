package expr

import (
	"fmt"
	"time"

	"gatehouse/dotnet"
)

// Slot says what the place of an expression wants of its value (policy-expressions.md 4).
type Slot uint8

// The slots.
const (
	WantAny   Slot = iota // set-variable: whatever it is
	WantText              // a string; numbers, booleans, GUIDs and times are printed, null is ""
	WantBool              // a condition
	WantInt               // a count, duration or status; long is taken too
	WantFloat             // any number
	WantBody              // string or byte[]
	WantBytes             // byte[]
)

// Fault is why an expression cannot be compiled, in the words of the C# compiler where it has some.
type Fault struct {
	Offset       int // in bytes from the start of the code
	Line, Column int // from 1; columns in UTF-16 units
	Message      string
}

func (f Fault) Error() string { return fmt.Sprintf("(%d,%d): %s", f.Line, f.Column, f.Message) }

// Program is a compiled expression. It does not change and may run in several goroutines.
type Program struct {
	want     Slot
	reads    Reads
	warnings []Fault
	main     *function
}

// Reads says what of a call an expression looks at, as far as its text tells. Names are in order of the text, each once.
type Reads struct {
	Variables []string // of context.Variables, by literal name
	Headers   []string // of context.Request.Headers and context.Response.Headers, by literal name
	Claims    []string // of a token, by literal name
	Members   []string // of the context: "Request.Body", "User.Email"
	Computed  bool     // a name of a variable, header or claim is computed: the lists may lack some
}

// Reads returns what the program looks at.
func (p *Program) Reads() Reads { return p.reads }

// Warnings returns what compiles and is likely a mistake.
func (p *Program) Warnings() []Fault { return p.warnings }

// Want returns the slot that the program was compiled for.
func (p *Program) Want() Slot { return p.want }

// The limits of policy-expressions.md 10.
const (
	maxSource    = 64 << 10
	maxNesting   = 200
	maxSteps     = 1_000_000
	maxCallSteps = 10_000_000
	maxBytes     = 64 << 20
	maxRecursion = 200
	maxWall      = 10 * time.Second
	maxRegexTime = time.Second
	maxPattern   = 4 << 10
)

// Budget is what the expressions of one call may use up together. The zero Budget has the limits of
// policy-expressions.md 10 and no deadline. It belongs to one goroutine at a time.
type Budget struct {
	Deadline time.Time // of the call
	steps    int       // spent by earlier expressions
}

// Exception is a .NET exception that no catch took: what the policy fails with. LastError shows its Message.
type Exception = dotnet.Exception

// LimitError says that an expression wanted more than it may have. C# cannot catch it.
type LimitError struct{ What string }

func (e *LimitError) Error() string { return "The expression was stopped: " + e.What + "." }
