package apim

import (
	"crypto/sha256"
	"encoding/hex"
	"regexp"
	"strings"

	"gatehouse"
	"gatehouse/arm"
	"gatehouse/jsondoc"
	"gatehouse/store"
)

// Loggers and caches do not hold their credentials: a secret named value does, and they
// show a reference to it such as {{Logger-Credentials--...}} (apim-control-plane.md 1.9).
// Its name follows from whom it belongs to, so that a later write finds it again and
// nobody else's is ever taken for it.

// keptValue is the name of the named value that holds a member of owner: 24 hexadecimal digits.
func keptValue(owner gatehouse.ID, member string) string {
	sum := sha256.Sum256([]byte(owner.Scope().String() + "\n" + strings.ToLower(member)))
	return hex.EncodeToString(sum[:12])
}

func keptID(owner gatehouse.ID, member string) gatehouse.ID {
	return holderOf(owner).Child("namedValues", keptValue(owner, member))
}

// keep stores a credential of owner and returns the reference that stands for it. What
// the caller gave as a reference stays one, and has to exist; faults are about target.
func keep(op *arm.Op, tx *store.Tx, owner gatehouse.ID, member, prefix, given, target string) (string, error) {
	id := keptID(owner, member)
	own := prefix + id.Name()
	if name, ok := namedReference(given); ok {
		if err := namedValueExists(op, tx, owner, name, target); err != nil || name == own {
			return given, err
		}
		return given, forget(op, tx, owner, member)
	}
	value := &arm.Resource{ID: id, Type: id.Type(), Body: object("properties", object("displayName", own, "secret", true))}
	value.SetSecret("properties.value", given)
	return "{{" + own + "}}", op.Save(tx, value)
}

// forget deletes the named value that holds a member of owner, if there is one.
func forget(op *arm.Op, tx *store.Tx, owner gatehouse.ID, member string) error {
	return op.DeleteTree(tx, keptID(owner, member))
}

var referenceText = regexp.MustCompile(`^\{\{\s*([^{}\s]+)\s*\}\}$`)

// namedReference is the display name that a text such as {{name}} refers to.
func namedReference(text string) (string, bool) {
	found := referenceText.FindStringSubmatch(strings.TrimSpace(text))
	if found == nil {
		return "", false
	}
	return found[1], true
}

// references are the display names that a text refers to anywhere.
var anyReference = regexp.MustCompile(`\{\{\s*([^{}\s]+)\s*\}\}`)

// namedValueExists refuses a reference to a named value that the service or workspace of of
// lacks, in the words of apim-control-plane.md 1.8. A workspace has its own only: one of the service
// may be a secret that its people may not send elsewhere.
func namedValueExists(op *arm.Op, r store.Reader, of gatehouse.ID, name, target string) error {
	holder := holderOf(of)
	value, err := op.Having(r, holder.Type()+"/namedValues", holder, name)
	if err != nil {
		return err
	}
	if value == nil || value.Props().String("displayName") != name {
		return validation(target, "Property '%s' not found.", name)
	}
	return nil
}

// namedValuesExist checks every {{reference}} in a value of any kind.
func namedValuesExist(op *arm.Op, r store.Reader, of gatehouse.ID, v jsondoc.Value, target string) error {
	checked := map[string]bool{}
	for _, found := range anyReference.FindAllStringSubmatch(string(jsondoc.Marshal(v)), -1) {
		if checked[found[1]] {
			continue
		}
		checked[found[1]] = true
		if err := namedValueExists(op, r, of, found[1], target); err != nil {
			return err
		}
	}
	return nil
}
