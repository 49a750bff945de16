package world

import (
	"bytes"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf16"

	"gatehouse"
	"gatehouse/jsondoc"
	"gatehouse/yamldoc"
)

// maxFile bounds a file: exports of large tenants have tens of megabytes.
const maxFile = 1 << 30

// File is a JSON or YAML text that knows where each of its objects stands.
type File struct {
	Name string
	Root jsondoc.Value
}

// Fault is what is wrong with a file, and where.
type Fault struct {
	File         string
	Line, Column int
	Message      string
}

// Error is the form in which editors and people find the place: file:line:column: message.
func (f *Fault) Error() string {
	return fmt.Sprintf("%s:%d:%d: %s", f.File, f.Line, f.Column, f.Message)
}

// Open reads a text as JSON when it begins like JSON, else as YAML. PowerShell's
// UTF-16 is understood, since its > writes that.
func Open(name string, b []byte) (*File, error) {
	b = plain(b)
	text := bytes.TrimLeft(b, " \t\r\n")
	if len(text) > 0 && (text[0] == '{' || text[0] == '[') {
		v, err := jsondoc.Parse(b, jsondoc.Options{MaxBytes: maxFile})
		if err == nil {
			return &File{name, v}, nil
		}
		if !flowYAML(text) {
			return nil, jsonFault(name, err)
		}
	}
	v, err := yamldoc.Parse(b, yamldoc.Options{})
	if fault := (*yamldoc.Fault)(nil); errors.As(err, &fault) {
		return nil, &Fault{name, fault.Line, fault.Column, fault.Message}
	}
	return &File{name, v}, err
}

// flowYAML tells a flow mapping with bare names from JSON with a fault.
func flowYAML(b []byte) bool {
	b = bytes.TrimLeft(b[1:], " \t\r\n")
	return len(b) > 0 && !strings.ContainsRune(`"{[]}`, rune(b[0]))
}

var jsonPlace = regexp.MustCompile(`(?s)line (\d+), column (\d+): (.*)'\.$`)

func jsonFault(name string, err error) error {
	f := &Fault{File: name, Line: 1, Column: 1, Message: err.Error()}
	if e := (*gatehouse.Error)(nil); errors.As(err, &e) {
		f.Message = e.Message
	}
	if m := jsonPlace.FindStringSubmatch(f.Message); m != nil {
		f.Line, _ = strconv.Atoi(m[1])
		f.Column, _ = strconv.Atoi(m[2])
		f.Message = "this is not JSON: " + m[3]
	}
	return f
}

// plain makes UTF-8 without a mark of either form of UTF-16 that carries one.
func plain(b []byte) []byte {
	little := bytes.HasPrefix(b, []byte{0xff, 0xfe})
	if !little && !bytes.HasPrefix(b, []byte{0xfe, 0xff}) {
		return bytes.TrimPrefix(b, []byte("\ufeff"))
	}
	units := make([]uint16, 0, len(b)/2)
	for i := 2; i+1 < len(b); i += 2 {
		if little {
			units = append(units, uint16(b[i])|uint16(b[i+1])<<8)
		} else {
			units = append(units, uint16(b[i])<<8|uint16(b[i+1]))
		}
	}
	return []byte(string(utf16.Decode(units)))
}

// At makes a Fault at a member of an object; at the object itself where it has no such member.
func (f *File) At(o *jsondoc.Object, member, format string, args ...any) *Fault {
	line, column := o.PositionOf(member)
	if line == 0 {
		line, column = o.Position()
	}
	return &Fault{f.Name, max(line, 1), max(column, 1), fmt.Sprintf(format, args...)}
}
