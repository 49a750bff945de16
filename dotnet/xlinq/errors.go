package xlinq

import "gatehouse/dotnet"

func throw(class, format string, args ...any) error {
	return dotnet.NewException(class, format, args...)
}

func argument(format string, args ...any) error {
	return throw(dotnet.ArgumentException, format, args...)
}

func invalidOperation(format string, args ...any) error {
	return throw(dotnet.InvalidOperationException, format, args...)
}

// A Limit is an error that no policy may catch.
type Limit struct{ What string }

func (e *Limit) Error() string { return e.What }

// Spend is asked before memory is taken; nil means that nobody counts. Its error ends the operation.
type Spend func(bytes int) error

func (s Spend) take(bytes int) error {
	if s == nil {
		return nil
	}
	return s(bytes)
}

// nodeSize is what a node costs besides its text.
const nodeSize = 240
