// Package apim is Microsoft.ApiManagement: the service and what it holds, by
// declaration. A family is a file; adding a type is a declaration there and a line
// where it hangs.
//
// It promises the shapes, codes and ETag rules of apim-control-plane.md. It leaves
// the pipeline to arm and serving API calls to the gateway.
package apim

import (
	"crypto/rand"
	"encoding/hex"
	"regexp"
	"strings"
	"time"

	"gatehouse"
	"gatehouse/arm"
	"gatehouse/jsondoc"
)

// Namespace is the provider namespace.
const Namespace = "Microsoft.ApiManagement"

const serviceType = Namespace + "/service"

// oldest is the first api-version that clients still send (apim-control-plane.md 1.2).
const oldest = "2016-07-07"

// New declares the provider.
func New() *arm.Provider {
	return &arm.Provider{
		Namespace: Namespace, DisplayName: "Microsoft API Management",
		Versions:  []string{"2024-05-01", "2023-09-01-preview", "2022-08-01", "2021-12-01-preview", "2021-08-01", "2020-12-01", "2019-12-01"},
		Versioned: checkVersion, Invalid: validationError, Missing: missing,
		Mounts: []arm.Mount{{At: arm.AtGroup, Types: []*arm.Type{service()}}},
		Calls:  serviceCalls(),
	}
}

func checkVersion(version string) error {
	if version >= oldest {
		return nil
	}
	return gatehouse.Errorf(gatehouse.Invalid, "InvalidApiVersionParameter", "The api-version '%s' is invalid. Use 2024-05-01 or another version from %s on.", version, oldest)
}

// validationError is how the service words faults of a body (apim-control-plane.md 1.8).
func validationError(faults []*gatehouse.Error) error {
	e := gatehouse.Errorf(gatehouse.Invalid, "ValidationError", "One or more fields contain incorrect values:")
	for _, f := range faults {
		f.Target = strings.TrimPrefix(f.Target, "properties.")
	}
	e.Details = faults
	return e
}

func validation(target, format string, args ...any) error {
	return validationError([]*gatehouse.Error{gatehouse.Errorf(gatehouse.Invalid, "ValidationError", format, args...).At(target)})
}

// missing is the 404 of an entity; the service itself is worded by ARM.
func missing(t *arm.Type, id gatehouse.ID) error {
	if t.Tracked {
		return arm.ResourceNotFound(Namespace+"/"+t.Segment, id)
	}
	return gatehouse.Errorf(gatehouse.NotFound, "ResourceNotFound", "%s not found.", t.Noun)
}

// entity is a type with entity tags, counted lists and required If-Match, as nearly all are.
func entity(t arm.Type) *arm.Type {
	t.ETag, t.Match, t.Count = true, true, true
	if t.Shape == "" {
		t.Shape = arm.Entity
	}
	return &t
}

// The name rules that cover nearly all entities (apim-control-plane.md 1.1).
const namePattern = `[^*#&+:<>?]+`

func object(pairs ...any) *jsondoc.Object { return jsondoc.NewObject(pairs...) }

// newKey is a subscription key: 32 lower-case hexadecimal digits.
func newKey() string {
	var b [16]byte
	rand.Read(b[:])
	return hex.EncodeToString(b[:])
}

// stamp is a wire time with seven digits.
func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.0000000Z") }

// serviceOf is the id of the service that holds id.
func serviceOf(id gatehouse.ID) gatehouse.ID {
	for !strings.EqualFold(id.Type(), serviceType) && !id.IsRoot() {
		id = id.Parent()
	}
	return id
}

var slashes = regexp.MustCompile(`^/+|/+$`)
