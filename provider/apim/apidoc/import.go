package apidoc

import "errors"

// MaxBytes is the largest document that is read.
const MaxBytes = 32 << 20

func asError[T error](err error, target *T) bool { return errors.As(err, target) }
