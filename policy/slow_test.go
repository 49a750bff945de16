package policy

import (
	"strings"
	"testing"
	"time"
)

// No document of the permitted size takes long, whatever it holds.
func TestWorstCases(t *testing.T) {
	const size = 512 << 10
	fill := func(head, piece, tail string) string {
		return head + strings.Repeat(piece, (size-len(head)-len(tail))/len(piece)) + tail
	}
	for name, text := range map[string]string{
		"brackets that only look closed": fill("<fragment>", `<a b="@(&quot;(&quot;)"/>`, "</fragment>"),
		"comments that only look open":   fill("<fragment>", `<a b="@(&quot;/*&quot;)"/>`, "</fragment>"),
		"texts in texts":                 fill(`<fragment>@(`, `$"{`, `)</fragment>`),
		"brackets":                       fill(`<fragment>@(`, `(`, `)</fragment>`),
		"ampersands":                     fill(`<fragment a="@(1 `, `&`, `)"/>`),
		"unknown policies":               fill("<fragment>", `<set-headerr/>`, "</fragment>"),
		"named values":                   fill("<fragment><set-body>", `{{a}}`, "</set-body></fragment>"),
		"braces":                         fill("<fragment><set-body>", `{{`, "</set-body></fragment>"),
		"attributes":                     fill("<fragment ", `a="" `, "/>"),
		"one line of elements":           fill("<fragment>", `<base/>`, "</fragment>"),
	} {
		for _, f := range []Format{XML, Raw} {
			start := time.Now()
			d, err := Parse(text, f)
			if err == nil {
				d.As(XML + Raw - f)
				Check(d, Fragment, Env{Exists: func(Reference) (bool, error) { return true, nil }})
			}
			if took := time.Since(start); took > 5*time.Second {
				t.Errorf("%s as %v takes %v", name, f, took)
			} else if testing.Verbose() {
				t.Logf("%s as %v: %v, %v", name, f, took, err)
			}
		}
	}
}
