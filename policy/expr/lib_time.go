package expr

// DateTime, TimeSpan and Guid: the types that the context needs.

var (
	dateTimeType = &Type{sameClock: true}
	timeSpanType = new(Type)
	guidType     = new(Type)
)

// guid is a System.Guid; it does not change.
type guid [16]byte

func (*guid) dotnetType() *Type { return guidType }

func guidValue(id [16]byte) Value {
	g := guid(id)
	return Value{&g, 0}
}

var timeDecls = []Decl{
	{Head: "struct System.DateTime : IComparable, IComparable<DateTime>, IEquatable<DateTime>", Type: dateTimeType, Scalar: true},
	{Head: "struct System.TimeSpan : IComparable, IComparable<TimeSpan>, IEquatable<TimeSpan>", Type: timeSpanType, Scalar: true},
	{Head: "struct System.Guid : IComparable, IComparable<Guid>, IEquatable<Guid>", Type: guidType, Zero: guidValue([16]byte{})},
}
