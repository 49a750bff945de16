package apidoc

import (
	"regexp"
	"strings"
)

// service is a service of a protocol buffers file.
type service struct{ pkg, name string }

var (
	protoService = regexp.MustCompile(`(?m)\bservice\s+([A-Za-z_][A-Za-z0-9_]*)\s*\{`)
	protoPackage = regexp.MustCompile(`(?m)^\s*package\s+([A-Za-z_][A-Za-z0-9_.]*)\s*;`)
	protoSyntax  = regexp.MustCompile(`^\s*(?:syntax|edition)\s*=\s*["'][^"']+["']\s*;`)
)

// parseProto finds the services of a .proto file and checks no more than that it is one: the
// gateway passes gRPC through.
func parseProto(source string) ([]service, error) {
	if err := nesting(strings.ReplaceAll(source, "//", "#")); err != nil {
		return nil, err
	}
	code := withoutComments(source)
	if !protoSyntax.MatchString(code) && !strings.Contains(code, "service") {
		return nil, fault("line 1, column 1", "this is no protocol buffers file: it has neither a syntax nor a service")
	}
	pkg := ""
	if m := protoPackage.FindStringSubmatch(code); m != nil {
		pkg = m[1]
	}
	var found []service
	for _, m := range protoService.FindAllStringSubmatch(code, -1) {
		found = append(found, service{pkg, m[1]})
	}
	return found, nil
}

// withoutComments blanks // and /* */ comments.
func withoutComments(s string) string {
	var out strings.Builder
	for s != "" {
		i := strings.IndexByte(s, '/')
		if i < 0 || i+1 == len(s) {
			break
		}
		out.WriteString(s[:i])
		end := 0
		switch s[i+1] {
		case '/':
			end = strings.IndexByte(s[i:], '\n')
		case '*':
			if end = strings.Index(s[i+2:], "*/"); end >= 0 {
				end += 4
			}
		default:
			out.WriteByte('/')
			end = 1
		}
		if end < 0 {
			return out.String()
		}
		s = s[i+end:]
	}
	return out.String() + s
}
