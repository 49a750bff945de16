package builtin

import (
	"strings"
	"unicode"
)

// describe gives an operation names for people. Azure's own texts are not
// published as data; these follow from the verb and the type.
func describe(o *Operation, p *Provider, typ, verb string) {
	thing, full := typeName(typ), p.Namespace
	if typ != "" {
		full += "/" + typ
	}
	verb, isAction := strings.CutSuffix(verb, "/action")
	switch {
	case isAction && typ == "":
		o.DisplayName = sentence(verb)
		o.Description = "Runs " + verb + " of the resource provider " + full + "."
	case isAction:
		o.DisplayName = sentence(verb) + " (" + thing + ")"
		o.Description = "Runs " + verb + " on a resource of type " + full + "."
	case verb == "read":
		o.DisplayName = "Read " + thing
		o.Description = "Gets one or lists all resources of type " + full + "."
	case verb == "write":
		o.DisplayName = "Create or update " + thing
		o.Description = "Creates or updates a resource of type " + full + "."
	case verb == "delete":
		o.DisplayName = "Delete " + thing
		o.Description = "Deletes a resource of type " + full + "."
	default:
		o.DisplayName = sentence(verb) + " " + thing
		o.Description = "Performs " + verb + " on a resource of type " + full + "."
	}
}

// typeName makes "API Operation Policy" of service/apis/operations/policies. The
// first type is left out where it only says where the others live.
func typeName(typ string) string {
	segments := strings.Split(typ, "/")
	if len(segments) > 1 && (segments[0] == "service" || segments[0] == "subscriptions") {
		segments = segments[1:]
	}
	var out []string
	for _, s := range segments {
		words := strings.Fields(spaced(singular(s)))
		for i, w := range words {
			words[i] = acronym(strings.ToUpper(w[:1]) + w[1:])
		}
		out = append(out, words...)
	}
	return strings.Join(out, " ")
}

// sentence makes "List secrets" of listSecrets.
func sentence(verb string) string {
	s := strings.ToLower(spaced(verb))
	if s == "" {
		return s
	}
	return strings.ToUpper(s[:1]) + s[1:]
}

// spaced puts a blank before each capital that starts a word.
func spaced(s string) string {
	var b strings.Builder
	for i, r := range s {
		if unicode.IsUpper(r) && i > 0 && !unicode.IsUpper(rune(s[i-1])) {
			b.WriteByte(' ')
		}
		b.WriteRune(r)
	}
	return b.String()
}

func singular(s string) string {
	lower := strings.ToLower(s)
	switch {
	case strings.HasSuffix(lower, "ies"):
		return s[:len(s)-3] + "y"
	case strings.HasSuffix(lower, "sses"):
		return s[:len(s)-2]
	case strings.HasSuffix(lower, "apis"):
		return s[:len(s)-1]
	case strings.HasSuffix(lower, "ss"), strings.HasSuffix(lower, "us"), strings.HasSuffix(lower, "is"):
		return s
	default:
		return strings.TrimSuffix(s, "s")
	}
}

func acronym(word string) string {
	switch word {
	case "Api", "Sku", "Url", "Ip", "Dns", "Id", "Sql", "Vm":
		return strings.ToUpper(word)
	}
	return word
}
