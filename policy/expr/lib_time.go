package expr

import "gatehouse/dotnet"

// DateTime, TimeSpan, Guid and Uri: what the context needs of them. Their members stand in lib_date.go and lib_web.go.

var (
	dateTimeType = &Type{sameClock: true}
	timeSpanType = new(Type)
	guidType     = new(Type)
	uriType      = new(Type)
)

// guid is a System.Guid; it does not change.
type guid [16]byte

func (*guid) dotnetType() *Type { return guidType }

func guidValue(id [16]byte) Value {
	g := guid(id)
	return Value{&g, 0}
}

// timeKind knows the types of what package dotnet makes: a *dotnet.DateTimeOffset and a *dotnet.URI never change.
func timeKind(pointer any) *Type {
	switch pointer.(type) {
	case *dotnet.DateTimeOffset:
		return offsetType
	case *dotnet.URI:
		return uriType
	}
	return nil
}
