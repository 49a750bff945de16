package apidoc

import (
	"bytes"
	"strings"

	"gatehouse/jsondoc"
)

// readGraphQL keeps a schema in the definition language, or makes one of the answer to an introspection query.
func readGraphQL(b []byte, o Options) (*API, error) {
	schema := string(utf8Text(b))
	if text := bytes.TrimSpace(b); len(text) > 0 && text[0] == '{' {
		v, err := ParseJSON(b)
		if err != nil {
			return nil, err
		}
		if schema, err = introspected(v); err != nil {
			return nil, err
		}
	}
	if strings.TrimSpace(schema) == "" {
		return nil, fault("line 1, column 1", "the GraphQL schema is empty")
	}
	if err := CheckGraphQL(schema); err != nil {
		return nil, err
	}
	return &API{DisplayName: "GraphQL", Type: "graphql", ServiceURL: o.Base.String(),
		Schemas: []Schema{{ID: "graphql", ContentType: GraphQLSchema, Document: text(schema)}}}, nil
}

// readOData keeps the $metadata of a service.
func readOData(b []byte, o Options) (*API, error) {
	b = utf8Text(b)
	root, err := parseXML(b)
	if err != nil {
		return nil, err
	}
	if root.Name.Local != "Edmx" {
		return nil, fault(root.place(), "the document is no OData metadata: its root element is %s where <Edmx> is expected", root.Name.Local)
	}
	name := "OData"
	for _, schema := range root.first("DataServices").named("Schema") {
		if c := schema.first("EntityContainer"); c != nil {
			name = first(c.attr("Name"), name)
		}
	}
	return &API{DisplayName: clip(name, 300), Type: "odata", ServiceURL: strings.TrimSuffix(strings.TrimSuffix(o.Base.String(), "$metadata"), "/"),
		Schemas: []Schema{{ID: "odata", ContentType: ODataSchema, Document: text(string(b))}}}, nil
}

// readGRPC keeps a .proto file.
func readGRPC(b []byte, _ Options) (*API, error) {
	source := string(utf8Text(b))
	services, err := parseProto(source)
	if err != nil {
		return nil, err
	}
	if len(services) == 0 {
		return nil, fault("line 1, column 1", "the protocol buffers file has no service")
	}
	return &API{DisplayName: clip(services[0].name, 300), Type: "grpc",
		Schemas: []Schema{{ID: "grpc", ContentType: GRPCSchema, Document: text(source)}}}, nil
}

// introspected writes the answer to an introspection query in the definition language.
func introspected(v jsondoc.Value) (string, error) {
	answer, _ := v.(*jsondoc.Object)
	schema := answer.Object("data.__schema")
	if schema == nil {
		schema = answer.Object("__schema")
	}
	if schema == nil {
		return "", fault("line 1, column 1", "the JSON is no answer to an introspection query: it has no data.__schema")
	}
	var b strings.Builder
	b.WriteString("schema {\n")
	for _, root := range []string{"query", "mutation", "subscription"} {
		if name := schema.String(root + "Type.name"); name != "" {
			b.WriteString("  " + root + ": " + name + "\n")
		}
	}
	b.WriteString("}\n")
	for _, v := range schema.Array("types") {
		if t, ok := v.(*jsondoc.Object); ok && !strings.HasPrefix(t.String("name"), "__") {
			graphType(&b, t)
		}
	}
	return b.String(), nil
}

var builtInScalars = " String Int Float Boolean ID "

func graphType(b *strings.Builder, t *jsondoc.Object) {
	name := t.String("name")
	switch t.String("kind") {
	case "SCALAR":
		if !strings.Contains(builtInScalars, " "+name+" ") {
			b.WriteString("\nscalar " + name + "\n")
		}
	case "OBJECT", "INTERFACE":
		word := map[string]string{"OBJECT": "type", "INTERFACE": "interface"}[t.String("kind")]
		b.WriteString("\n" + word + " " + name)
		for i, v := range t.Array("interfaces") {
			b.WriteString([]string{" implements ", " & "}[min(i, 1)] + typeRef(v, 0))
		}
		b.WriteString(" {\n")
		for _, v := range t.Array("fields") {
			f, _ := v.(*jsondoc.Object)
			b.WriteString("  " + f.String("name") + arguments(f.Array("args")) + ": " + typeRef(member(f, "type"), 0) + "\n")
		}
		b.WriteString("}\n")
	case "INPUT_OBJECT":
		b.WriteString("\ninput " + name + " {\n")
		for _, v := range t.Array("inputFields") {
			b.WriteString("  " + input(v) + "\n")
		}
		b.WriteString("}\n")
	case "ENUM":
		b.WriteString("\nenum " + name + " {\n")
		for _, v := range t.Array("enumValues") {
			e, _ := v.(*jsondoc.Object)
			b.WriteString("  " + e.String("name") + "\n")
		}
		b.WriteString("}\n")
	case "UNION":
		b.WriteString("\nunion " + name)
		for i, v := range t.Array("possibleTypes") {
			b.WriteString([]string{" = ", " | "}[min(i, 1)] + typeRef(v, 0))
		}
		b.WriteString("\n")
	}
}

func member(o *jsondoc.Object, name string) jsondoc.Value {
	v, _ := o.Get(name)
	return v
}

func arguments(list []jsondoc.Value) string {
	if len(list) == 0 {
		return ""
	}
	all := make([]string, len(list))
	for i, v := range list {
		all[i] = input(v)
	}
	return "(" + strings.Join(all, ", ") + ")"
}

func input(v jsondoc.Value) string {
	o, _ := v.(*jsondoc.Object)
	out := o.String("name") + ": " + typeRef(member(o, "type"), 0)
	if fallback := o.String("defaultValue"); fallback != "" {
		out += " = " + fallback
	}
	return out
}

// typeRef writes a type with its lists and exclamation marks.
func typeRef(v jsondoc.Value, depth int) string {
	o, _ := v.(*jsondoc.Object)
	if depth > maxDepth {
		return ""
	}
	switch o.String("kind") {
	case "NON_NULL":
		return typeRef(member(o, "ofType"), depth+1) + "!"
	case "LIST":
		return "[" + typeRef(member(o, "ofType"), depth+1) + "]"
	}
	return o.String("name")
}
