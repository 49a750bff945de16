package expr

// Type describes a .NET type. Types are interned: equal types are the same pointer.
type Type struct{ name string }

func (t *Type) String() string { return t.name }

var (
	boolType   = &Type{name: "System.Boolean"}
	intType    = &Type{name: "System.Int32"}
	longType   = &Type{name: "System.Int64"}
	doubleType = &Type{name: "System.Double"}
	floatType  = &Type{name: "System.Single"}
	charType   = &Type{name: "System.Char"}
)

type queryParams struct{}
