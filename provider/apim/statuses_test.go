package apim_test

import (
	"fmt"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"gatehouse/arm/armtest"
)

// published are the api-versions whose status codes data/operations.tsv has, with the column.
var published = map[string]int{"2024-05-01": 3, "2022-08-01": 4, "2021-08-01": 5}

// contract is a line of data/operations.tsv as far as status codes go.
type contract struct {
	method   string
	path     []string          // segments below the provider, in small letters
	codes    map[string]string // by api-version
	accepted string            // by every known client, of whatever version
}

func contracts(t *testing.T) (all []contract) {
	text, err := os.ReadFile("data/operations.tsv")
	if err != nil {
		t.Fatal(err)
	}
	for n, line := range strings.Split(string(text), "\n") {
		cells := strings.Split(line, "\t")
		if n < 2 || len(cells) < 11 {
			continue
		}
		c := contract{method: cells[0], path: segments(cells[1]), codes: map[string]string{}, accepted: cells[3]}
		for version, column := range published {
			if c.codes[version] = cells[column]; cells[column] == "" {
				c.codes[version] = cells[3] // not published yet, but served
			}
		}
		if len(cells) > 11 {
			c.accepted = cells[11]
		}
		if !slices.ContainsFunc(all, func(o contract) bool { return o.method == c.method && slices.Equal(o.path, c.path) }) { // export is a GET of the same path
			all = append(all, c)
		}
	}
	return all
}

// segments cuts a path, or a request's address, into parts that compare.
func segments(path string) []string {
	path, _, _ = strings.Cut(path, "?")
	return strings.Split(strings.ToLower(strings.Trim(path, "/")), "/")
}

// fits tells how many words of the path a contract has, -1 when it is another path.
func (c contract) fits(path []string) int {
	if len(path) != len(c.path) {
		return -1
	}
	words := 0
	for i, part := range c.path {
		switch {
		case part == path[i]:
			words++
		case !strings.HasPrefix(part, "{"):
			return -1
		}
	}
	return words
}

// statuses holds what requests were answered, by operation and api-version.
type statuses struct {
	mu  sync.Mutex
	all []contract
	got []map[string][]int
}

func (s *statuses) note(version, method, url string, status int) {
	path := segments(url)
	best, words := -1, -1
	for i, c := range s.all {
		if n := c.fits(path); c.method == method && n > words {
			best, words = i, n
		}
	}
	if best < 0 || status >= http.StatusMultipleChoices || strings.Contains(url, "asyncCode=") {
		return // the address of an import answers with the code that stands in it (apim-control-plane.md 1.7)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.got[best] == nil {
		s.got[best] = map[string][]int{}
	}
	if seen := s.got[best][version]; !slices.Contains(seen, status) {
		s.got[best][version] = append(seen, status)
	}
}

var apiVersion = regexp.MustCompile(`(?i)(providers/Microsoft\.ApiManagement/[^?]*\?(?:.*&)?api-version=)[0-9a-z-]+`)

// TestStatuses asks all that the wire cases ask, in each of three api-versions, and compares
// the codes of success with the published ones of that version. Every answer has
// to be one that all known clients of the operation take for success, whichever version they
// ask for. There is one difference from what is published: DELETE of APIs and users answers
// 204 in every version, which is in both lists (docs/divergences.md).
func TestStatuses(t *testing.T) {
	s := &statuses{all: contracts(t)}
	s.got = make([]map[string][]int, len(s.all))
	t.Cleanup(func() { s.compare(t) })
	for version := range published {
		t.Run(version, func(t *testing.T) {
			t.Parallel()
			other := func(url string) string {
				if strings.Contains(strings.ToLower(url), "/providers/microsoft.authorization/") {
					return url
				}
				return apiVersion.ReplaceAllString(url, "${1}"+version)
			}
			armtest.Replay(t, "testdata/*.txtar", build(t), other, func(file, method, url string, status int) {
				if status == http.StatusNotImplemented || status == http.StatusInternalServerError {
					t.Errorf("%s: %s %s: %d", file, method, url, status)
				}
				s.note(version, method, url, status)
			})
		})
	}
}

func (s *statuses) compare(t *testing.T) {
	for i, c := range s.all {
		for _, version := range []string{"2021-08-01", "2022-08-01", "2024-05-01"} {
			seen := s.got[i][version]
			slices.Sort(seen)
			name := fmt.Sprintf("%s /%s", c.method, strings.Join(c.path, "/"))
			if len(seen) == 0 {
				t.Errorf("%s: no case shows it in %s", name, version)
			}
			for _, code := range seen {
				if c.accepted != "" && !strings.Contains(c.accepted, fmt.Sprint(code)) {
					t.Errorf("%s answers %d in %s; clients want %s", name, code, version, c.accepted)
				}
				if c.codes[version] != "" && !strings.Contains(c.codes[version], fmt.Sprint(code)) {
					t.Errorf("%s answers %d in %s; published is %s", name, code, version, c.codes[version])
				}
			}
		}
	}
}
