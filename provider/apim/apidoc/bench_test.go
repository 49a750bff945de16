package apidoc

import (
	"bytes"
	"fmt"
	"testing"
)

// large is a document of n operations with schemas of some size each.
func large(n, schema int, v2 bool) []byte {
	var b bytes.Buffer
	home := "#/components/schemas/"
	if v2 {
		home = "#/definitions/"
		b.WriteString(`{"swagger":"2.0","info":{"title":"Large","version":"1"},"host":"large.test","paths":{`)
	} else {
		b.WriteString(`{"openapi":"3.0.1","info":{"title":"Large","version":"1"},"paths":{`)
	}
	for i := range n {
		if i > 0 {
			b.WriteByte(',')
		}
		in := fmt.Sprintf(`"schema":{"$ref":"%sS%d"}`, home, i)
		kind := `"type":"string"`
		if !v2 {
			in, kind = `"content":{"application/json":{`+in+`}}`, `"schema":{"type":"string"}`
		}
		fmt.Fprintf(&b, `"/things%d/{id}":{"get":{"operationId":"get%d","summary":"Gets thing %d","parameters":[{"name":"id","in":"path","required":true,%s},{"name":"q","in":"query",%s}],"responses":{"200":{"description":"ok",%s},"404":{"description":"none"}}}}`, i, i, i, kind, kind, in)
	}
	if v2 {
		b.WriteString(`},"definitions":{`)
	} else {
		b.WriteString(`},"components":{"schemas":{`)
	}
	for i := range n {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `"S%d":{"type":"object","properties":{`, i)
		for j := range schema {
			if j > 0 {
				b.WriteByte(',')
			}
			fmt.Fprintf(&b, `"member%d":{"type":"string","description":"What member %d of schema %d is about."}`, j, j, i)
		}
		b.WriteString(`}}`)
	}
	b.WriteString(`}}`)
	if !v2 {
		b.WriteString(`}`)
	}
	return b.Bytes()
}

func BenchmarkImport(b *testing.B) {
	for _, c := range []struct {
		name   string
		n, per int
	}{{"1000 operations", 1000, 5}, {"5 MB", 2000, 30}} {
		for _, format := range []string{"openapi+json", "swagger-json", "openapi"} {
			document := large(c.n, c.per, format == "swagger-json")
			if format == "openapi" { // JSON that the YAML reader takes too
				document = append([]byte("# YAML\n"), document...)
			}
			b.Run(fmt.Sprintf("%s %s", c.name, format), func(b *testing.B) {
				b.SetBytes(int64(len(document)))
				for b.Loop() {
					if _, err := Import(format, document, Options{}); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}
