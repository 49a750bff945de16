package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// models are the body models by folded name.
type models struct {
	fields map[string][]row
	names  map[string]string // folded to published spelling
	enums  map[string]string
}

func newModels(rows []row) *models {
	m := &models{fields: map[string][]row{}, names: map[string]string{}, enums: map[string]string{}}
	for _, r := range rows {
		key := strings.ToLower(r["model"])
		switch r["kind"] {
		case "body":
			m.fields[key] = append(m.fields[key], r)
			m.names[key] = r["model"]
		case "enum":
			m.enums[key] = strings.Join(strings.Fields(r["enum"]), "|")
		}
	}
	return m
}

// aliases are names of the operations table that the table of fields spells in full.
var aliases = map[string]string{
	"serviceresource": "ApiManagementServiceResource", "serviceupdateparameters": "ApiManagementServiceUpdateParameters",
	"gatewayresource": "ApiManagementGatewayResource", "gatewayupdateparameters": "GatewayContract", "gatewayconfigconnectionresource": "ApiManagementGatewayConfigConnectionResource",
}

func (m *models) find(name string) string {
	if name == "" || strings.HasPrefix(name, "options.") {
		return ""
	}
	if full := m.names[strings.ToLower(name)]; full != "" {
		return full
	}
	return aliases[strings.ToLower(name)]
}

func (m *models) has(name, field string) bool {
	for _, r := range m.fields[strings.ToLower(m.find(name))] {
		if r["wirePath"] == field {
			return true
		}
	}
	return false
}

// text is the fields of every model that a type is written with.
func (m *models) text(types []*resource) string {
	wanted := map[string]bool{}
	for _, t := range types {
		for _, name := range []string{t.put, t.patch} {
			if name != "" {
				wanted[name] = true
			}
		}
	}
	var b strings.Builder
	b.WriteString("# The bodies of Microsoft.ApiManagement, a model a section. Written by gen; do not edit.\n")
	for _, name := range slices.Sorted(maps.Keys(wanted)) {
		fmt.Fprintf(&b, "\n[%s]\n", name)
		m.write(&b, name, "", 0)
	}
	return b.String()
}

// deepest bounds models that hold themselves.
const deepest = 8

func (m *models) write(b *strings.Builder, model, prefix string, depth int) {
	if depth > deepest {
		return
	}
	for _, r := range m.fields[strings.ToLower(model)] {
		path := r["wirePath"]
		if prefix == "" && (path == "id" || path == "name" || path == "type" || path == "systemData") {
			continue
		}
		m.field(b, model, r, prefix+path, depth)
	}
}

func (m *models) field(b *strings.Builder, model string, r row, path string, depth int) {
	flags := m.flags(model, r)
	element, isArray := strings.CutSuffix(r["type"], "[]")
	if inner := m.names[strings.ToLower(element)]; inner != "" {
		kind := "object"
		if isArray {
			kind, path = "array(object)", path+"[]"
			fmt.Fprintf(b, "%s %s%s\n", strings.TrimSuffix(path, "[]"), kind, flags)
		} else {
			fmt.Fprintf(b, "%s %s%s\n", path, kind, flags)
		}
		m.write(b, inner, path+".", depth+1)
		return
	}
	kind := m.kind(element, r)
	if isArray {
		kind = "array(" + kind + ")"
	}
	fmt.Fprintf(b, "%s %s%s\n", path, kind, flags)
}

func (m *models) kind(element string, r row) string {
	values := strings.Join(strings.Fields(r["enum"]), "|")
	switch {
	case values != "":
		return "enum(" + values + ")"
	case m.enums[strings.ToLower(element)] != "":
		return "enum(" + m.enums[strings.ToLower(element)] + ")"
	}
	switch element {
	case "Boolean":
		return "bool"
	case "Number":
		return "number"
	case "DateTime":
		return "datetime"
	case "map<String>":
		return "map"
	case "any":
		return "any"
	}
	if strings.HasPrefix(element, "map<") {
		return "any"
	}
	return "string"
}

// flags turns the columns of a field into what arm.NewModel reads.
func (m *models) flags(model string, r row) string {
	var out []string
	if r["required"] == "yes" || m.requiredBelow(model, r["wirePath"]) {
		out = append(out, "required")
	}
	if r["readOnly"] == "yes" {
		out = append(out, "readonly")
	}
	for _, c := range strings.Split(r["constraints"], ";") {
		name, value, _ := strings.Cut(strings.TrimSpace(c), "=")
		switch name {
		case "MaxLength", "MaxItems", "InclusiveMaximum":
			out = append(out, "max="+value)
		case "MinLength", "MinItems", "InclusiveMinimum":
			out = append(out, "min="+value)
		case "Pattern":
			if !strings.ContainsAny(value, " \t") {
				out = append(out, "pattern="+value)
			}
		}
	}
	if len(out) == 0 {
		return ""
	}
	return " " + strings.Join(out, " ")
}

// requiredBelow asks the model of the properties: the flattened rows of an envelope lost that mark.
func (m *models) requiredBelow(model, path string) bool {
	name, ok := strings.CutPrefix(path, "properties.")
	if !ok {
		return false
	}
	base := strings.ToLower(model)
	for _, candidate := range []string{base + "properties", strings.TrimSuffix(base, "parameter") + "properties", strings.TrimSuffix(base, "parameters") + "properties",
		strings.TrimSuffix(base, "s") + "properties", strings.TrimSuffix(base, "contract") + "contractproperties"} {
		for _, r := range m.fields[candidate] {
			if r["wirePath"] == name && r["required"] == "yes" {
				return true
			}
		}
	}
	return false
}
