package expr

import "gatehouse/dotnet"

// DateTime, TimeSpan and Guid, the types that the context needs; DateTimeOffset and Uri, which tokens convert to.

var (
	dateTimeType = &Type{sameClock: true}
	timeSpanType = new(Type)
	guidType     = new(Type)
	offsetType   = new(Type)
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

var timeDecls = []Decl{
	{Head: "struct System.DateTime : IComparable, IComparable<DateTime>, IEquatable<DateTime>", Type: dateTimeType, Scalar: true},
	{Head: "struct System.TimeSpan : IComparable, IComparable<TimeSpan>, IEquatable<TimeSpan>", Type: timeSpanType, Scalar: true},
	{Head: "struct System.Guid : IComparable, IComparable<Guid>, IEquatable<Guid>", Type: guidType, Zero: guidValue([16]byte{})},
	{Head: "struct System.DateTimeOffset : IComparable, IComparable<DateTimeOffset>, IEquatable<DateTimeOffset>", Type: offsetType, Zero: Value{new(dotnet.DateTimeOffset), 0}},
}
