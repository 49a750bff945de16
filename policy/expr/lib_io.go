package expr

import (
	"slices"

	"gatehouse/dotnet"
)

// System.IO.StringReader and StringWriter. TextReader and TextWriter are what they derive from; programs may not name them.

var textReaderType, textWriterType = new(Type), new(Type)

var (
	stringReaderType = new(Type)
	stringWriterType = new(Type)
)

// textReader is a StringReader: the UTF-16 units that are left to read.
type textReader struct {
	units  []uint16
	closed bool
}

func (*textReader) dotnetType() *Type { return stringReaderType }

func (r *textReader) take(n int) []uint16 {
	taken := r.units[:n]
	r.units = r.units[n:]
	return taken
}

// rest is ReadToEnd: "" at the end.
func (r *textReader) rest() string { return dotnet.FromUnits(r.take(len(r.units))) }

// line is ReadLine; false at the end.
func (r *textReader) line() (string, bool) {
	if len(r.units) == 0 {
		return "", false
	}
	end := slices.IndexFunc(r.units, func(u uint16) bool { return u == '\r' || u == '\n' })
	if end < 0 {
		return r.rest(), true
	}
	s := dotnet.FromUnits(r.take(end))
	if r.take(1)[0] == '\r' && len(r.units) > 0 && r.units[0] == '\n' {
		r.take(1)
	}
	return s, true
}

// unit is Peek: -1 at the end.
func (r *textReader) unit() int {
	if len(r.units) == 0 {
		return -1
	}
	return int(r.units[0])
}

func newTextReader(f *Frame, a []Value) (Value, error) {
	s, err := given(a[0], "s")
	if err != nil {
		return Null, err
	}
	return Value{&textReader{units: dotnet.Units(s)}, 0}, f.Spend(2 * len(s))
}

// reading makes the code of a member of a reader that is open.
func reading(read func(f *Frame, r *textReader, a []Value) (Value, error)) Func {
	return func(f *Frame, a []Value) (Value, error) {
		r := a[0].ref.(*textReader)
		if r.closed {
			return Null, throw("System.ObjectDisposedException", "Cannot read from a closed TextReader.")
		}
		return read(f, r, a)
	}
}

// readBlock copies units into a char[] and says how many.
func readBlock(f *Frame, r *textReader, a []Value) (Value, error) {
	into, ok := a[1].ref.(*Array)
	index, count := a[2].n, a[3].n
	switch {
	case !ok:
		return Null, dotnet.ArgumentNull("buffer")
	case index < 0:
		return Null, dotnet.OutOfRange("Non-negative number required.", "index")
	case count < 0:
		return Null, dotnet.OutOfRange("Non-negative number required.", "count")
	case int64(len(into.Items))-index < count:
		return Null, throw(dotnet.ArgumentException, "Offset and length were out of bounds for the array or count is greater than the number of elements from index to the end of the source collection.")
	}
	taken := r.take(min(int(count), len(r.units)))
	for i, u := range taken {
		into.Items[int(index)+i] = Char(u)
	}
	return Int(len(taken)), f.Step(len(taken))
}

func closeReader(_ *Frame, a []Value) (Value, error) {
	r := a[0].ref.(*textReader)
	r.units, r.closed = nil, true
	return Null, nil
}

var textReaderMembers = members{
	m("int Peek()", reading(func(_ *Frame, r *textReader, _ []Value) (Value, error) { return Int(r.unit()), nil })),
	m("int Read()", reading(func(_ *Frame, r *textReader, _ []Value) (Value, error) {
		u := r.unit()
		if u >= 0 {
			r.take(1)
		}
		return Int(u), nil
	})),
	m("int Read(char[] buffer, int index, int count)", reading(readBlock)), m("int ReadBlock(char[] buffer, int index, int count)", reading(readBlock)),
	m("string ReadLine()", reading(func(f *Frame, r *textReader, _ []Value) (Value, error) {
		s, ok := r.line()
		if !ok {
			return Null, nil
		}
		return String(s), f.Spend(len(s))
	})),
	m("string ReadToEnd()", reading(func(f *Frame, r *textReader, _ []Value) (Value, error) {
		s := r.rest()
		return String(s), f.Spend(len(s))
	})),
	m("void Close()", closeReader), m("void Dispose()", closeReader),
}

// textWriter is a StringWriter over a StringBuilder.
type textWriter struct {
	to     *Builder
	line   string
	closed bool
}

func (*textWriter) dotnetType() *Type { return stringWriterType }

func newTextWriter(_ *Frame, a []Value) (Value, error) {
	w := &textWriter{to: &Builder{}, line: "\n"}
	if len(a) > 0 {
		b, ok := a[0].ref.(*Builder)
		if !ok {
			return Null, dotnet.ArgumentNull("sb")
		}
		w.to = b
	}
	return Value{w, 0}, nil
}

// writing makes the code of Write or, with line, of WriteLine.
func writing(line bool, text func(f *Frame, a []Value) (string, error)) Func {
	return func(f *Frame, a []Value) (Value, error) {
		w := a[0].ref.(*textWriter)
		if w.closed {
			return Null, throw("System.ObjectDisposedException", "Cannot write to a closed TextWriter.")
		}
		s, err := text(f, a[1:])
		if err != nil {
			return Null, err
		}
		if line {
			s += w.line
		}
		return Null, w.to.add(f, s)
	}
}

func formattedText(f *Frame, a []Value) (string, error) {
	v, err := formatAll(f, a)
	return v.Str(), err
}

// writtenText prints an argument, or nothing where there is none.
func writtenText(f *Frame, a []Value) (string, error) {
	if len(a) == 0 {
		return "", nil
	}
	if x, ok := a[0].ref.(*Array); ok && x.Elem == charType {
		return dotnet.FromUnits(unitsOf(a[0])), nil
	}
	return f.text(a[0])
}

func textWriterMembers() members {
	list := members{
		m("void WriteLine()", writing(true, writtenText)),
		p("string NewLine { get; set; }", of(func(w *textWriter) Value { return String(w.line) }), func(_ *Frame, a []Value) (Value, error) {
			a[0].ref.(*textWriter).line = a[1].Str()
			return Null, nil
		}),
		m("void Flush()", nothingDone),
	}
	for _, name := range []string{"Close", "Dispose"} {
		list = append(list, m("void "+name+"()", func(_ *Frame, a []Value) (Value, error) {
			a[0].ref.(*textWriter).closed = true
			return Null, nil
		}))
	}
	for _, name := range []string{"Write", "WriteLine"} {
		line := name == "WriteLine"
		for _, t := range []string{"bool", "char", "char[]", "decimal", "double", "float", "int", "long", "object", "string", "uint", "ulong"} {
			list = append(list, m("void "+name+"("+t+" value)", writing(line, writtenText)))
		}
		for _, params := range []string{"object arg0", "object arg0, object arg1", "object arg0, object arg1, object arg2", "params object[] arg"} {
			list = append(list, m("void "+name+"(string format, "+params+")", writing(line, formattedText)))
		}
	}
	return list
}

var ioDecls = []Decl{
	{Head: "internal class System.IO.TextReader : IDisposable", Type: textReaderType, Refused: "ReadAsync ReadBlockAsync ReadLineAsync ReadToEndAsync Synchronized Null", Members: textReaderMembers},
	{Head: "class System.IO.StringReader : TextReader", Type: stringReaderType, Members: members{m("StringReader(string s)", newTextReader)}},
	{Head: "internal class System.IO.TextWriter : IDisposable", Type: textWriterType, Refused: "WriteAsync WriteLineAsync FlushAsync DisposeAsync Synchronized Null FormatProvider", Members: textWriterMembers()},
	{Head: "class System.IO.StringWriter : TextWriter", Type: stringWriterType, Members: members{
		m("StringWriter()", newTextWriter), m("StringWriter(StringBuilder sb)", newTextWriter),
		m("StringBuilder GetStringBuilder()", of(func(w *textWriter) Value { return Value{w.to, 0} })),
		m("Encoding Encoding { get; }", theEncoding(dotnet.Unicode)),
		m("string ToString()", of(func(w *textWriter) Value { return String(w.to.text()) })),
	}},
}
