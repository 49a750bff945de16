package pipeline

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"unicode/utf8"

	"gatehouse/gateway/config"
	"gatehouse/policy"
)

// contentSafety is llm-content-safety (gateway.md 8.2): prompts, and completions on demand, are shown to a content safety
// service, and what it objects to goes no further. What cannot be checked does not pass.
type contentSafety struct {
	workspace       config.Key
	backend         Text
	shield, answers Flag
	window, overlap Whole
	output          Text
	categories      []safetyCategory
	blocklists      []Text
	answer          bool // the policy stands where the answer is
}

type safetyCategory struct{ name, threshold Text }

// safetyWindow is how many characters the service takes at once.
const safetyWindow = 10_000

// safetyVersion is the api-version of the service's interface.
const safetyVersion = "api-version=2024-09-01"

func compileContentSafety(k *Compiler, e *policy.Element) Step {
	s := &contentSafety{workspace: config.KeyOf(k.doc.ID).Workspace(), backend: k.Text(e, "backend-id"), shield: k.Flag(e, "shield-prompt"),
		answers: k.Flag(e, "enforce-on-completions"), window: k.Whole(e, "window-size"), overlap: k.Whole(e, "window-overlap-size"), answer: k.Answers()}
	for _, child := range e.Children {
		switch child.Name {
		case "categories":
			s.output = k.Text(child, "output-type")
			for _, c := range child.Children {
				s.categories = append(s.categories, safetyCategory{k.Text(c, "name"), k.Text(c, "threshold")})
			}
		case "blocklists":
			s.blocklists = k.Contents(child, "id")
		}
	}
	return s
}

// safetyCheck is the policy with its attributes evaluated, for one call.
type safetyCheck struct {
	call            *Call
	to              BackendEntity
	shield          bool
	window, overlap int
	question        safetyQuestion
	thresholds      map[string]int
}

type safetyQuestion struct {
	Text       string   `json:"text"`
	Categories []string `json:"categories,omitempty"`
	Blocklists []string `json:"blocklistNames,omitempty"`
	Halt       bool     `json:"haltOnBlocklistHit,omitempty"`
	Output     string   `json:"outputType,omitempty"`
}

func (s *contentSafety) Run(c *Call) error {
	check, err := s.eval(c)
	if err != nil {
		return err
	}
	if s.answer {
		return check.completion(c)
	}
	p, err := c.prompt()
	if err != nil {
		return err
	}
	if err := check.prompt(p); err != nil {
		return err
	}
	completions, err := s.answers.Eval(c)
	if err == nil && completions {
		c.OnAnswer(check.completion)
	}
	return err
}

func (s *contentSafety) eval(c *Call) (*safetyCheck, error) {
	id, err := s.backend.Eval(c)
	shield, err2 := s.shield.Eval(c)
	window, err3 := s.window.Eval(c)
	overlap, err4 := s.overlap.Eval(c)
	output, err5 := s.output.Eval(c)
	if err := cmpErr(err, err2, err3, err4, err5); err != nil {
		return nil, err
	}
	check := &safetyCheck{call: c, to: c.Home.Backends.Find(s.workspace, id), shield: shield, window: safetyWindow, thresholds: map[string]int{}, question: safetyQuestion{Output: output}}
	if check.to == nil {
		return nil, failed("BackendNotFound", "Backend with id '"+id+"' could not be found.")
	}
	if window > 0 {
		check.window = int(min(window, safetyWindow))
	}
	check.overlap = int(max(0, min(overlap, int64(check.window)-1)))
	for _, each := range s.categories {
		name, err := each.name.Eval(c)
		text, err2 := each.threshold.Eval(c)
		if err := cmpErr(err, err2); err != nil {
			return nil, err
		}
		threshold := strings.TrimSpace(text)
		if len(threshold) != 1 || threshold[0] < '0' || threshold[0] > '7' {
			return nil, failed(ReasonExpression, "The threshold of a category has to be from 0 to 7.")
		}
		check.thresholds[strings.ToLower(name)] = int(threshold[0] - '0')
		check.question.Categories = append(check.question.Categories, name)
	}
	for i := range s.blocklists {
		id, err := s.blocklists[i].Eval(c)
		if err != nil {
			return nil, err
		}
		check.question.Blocklists, check.question.Halt = append(check.question.Blocklists, id), true
	}
	return check, nil
}

// unsafe is the failure of what the service objects to (gateway.md 4).
func unsafe(why string) *Failure {
	return &Failure{Source: "llm-content-safety", Reason: "ContentSafetyViolation", Message: "The content was blocked: " + why + ".", Status: http.StatusForbidden, Text: "Request failed content safety check."}
}

// uncheckable is the failure of what could not be checked.
func uncheckable(err error) error {
	var f *Failure
	if errors.As(err, &f) {
		return err
	}
	return &Failure{Source: "llm-content-safety", Reason: "ContentSafetyUnavailable", Message: "The content could not be checked: " + err.Error() + ".", Cause: err}
}

// prompt checks what a request asks; one that is too long for the service is refused.
func (s *safetyCheck) prompt(p *prompt) error {
	text := p.plain()
	switch {
	case text == "":
		return nil
	case utf8.RuneCountInString(text) > safetyWindow:
		return unsafe("the prompt is longer than 10000 characters")
	}
	if s.shield {
		question := struct {
			Prompt    string   `json:"userPrompt"`
			Documents []string `json:"documents"`
		}{text, []string{}}
		var answer struct {
			Prompt *struct {
				Attack bool `json:"attackDetected"`
			} `json:"userPromptAnalysis"`
		}
		if err := s.call.ask(s.to, "/contentsafety/text:shieldPrompt", safetyVersion, "", question, &answer); err != nil {
			return uncheckable(err)
		}
		if answer.Prompt == nil {
			return uncheckable(errors.New("the service did not say what it found"))
		}
		if answer.Prompt.Attack {
			return unsafe("an attack by the prompt was detected")
		}
	}
	return s.analyze(text)
}

// plain is all text of a prompt.
func (p *prompt) plain() string {
	var b strings.Builder
	for _, t := range p.turns {
		if t.text != "" {
			b.WriteString(t.text)
			b.WriteByte('\n')
		}
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// analyze asks the service about one text.
func (s *safetyCheck) analyze(text string) error {
	if len(s.question.Categories)+len(s.question.Blocklists) == 0 || strings.TrimSpace(text) == "" {
		return nil
	}
	question := s.question
	question.Text = text
	var answer struct {
		Lists []json.RawMessage `json:"blocklistsMatch"`
		Found []struct {
			Category string `json:"category"`
			Severity int    `json:"severity"`
		} `json:"categoriesAnalysis"`
	}
	if err := s.call.ask(s.to, "/contentsafety/text:analyze", safetyVersion, "", question, &answer); err != nil {
		return uncheckable(err)
	}
	if len(answer.Lists) > 0 {
		return unsafe("it is on a blocklist")
	}
	for _, f := range answer.Found {
		if threshold, ok := s.thresholds[strings.ToLower(f.Category)]; ok && f.Severity >= threshold {
			return unsafe("its severity for " + f.Category + " is too high")
		}
	}
	return nil
}

// completion checks the answer: all of one that is whole, window by window of a stream, which is cut off without a word.
func (s *safetyCheck) completion(c *Call) error {
	body := c.Body(Answer)
	if body == nil || c.Reply().StatusCode > 299 {
		return nil
	}
	if c.answerIs("text/event-stream") && body.stream != nil {
		body.stream, body.size = &guardedStream{ReadCloser: body.stream, check: s}, -1 // it may end early
		delete(c.Reply().Headers, "Content-Length")
		return nil
	}
	data, err := body.Bytes(true)
	if err != nil {
		return uncheckable(err)
	}
	if firstOf(c.Reply().Headers["Content-Encoding"]) == "gzip" {
		if data, err = unzip(data); err != nil {
			return uncheckable(err)
		}
	}
	var answer answerJSON
	if err := json.Unmarshal(data, &answer); err != nil {
		return uncheckable(errors.New("the answer is no JSON"))
	}
	return s.windows(answer.text())
}

// windows checks a long text piece by piece; each begins with the end of the one before.
func (s *safetyCheck) windows(text string) error {
	runes := []rune(text)
	for from := 0; from < len(runes); from += s.window - s.overlap {
		end := min(from+s.window, len(runes))
		if err := s.analyze(string(runes[from:end])); err != nil {
			return err
		}
		if end == len(runes) {
			return nil
		}
	}
	return nil
}

// guardedStream holds back what was not checked yet: a window of text, and the events that it came in.
type guardedStream struct {
	io.ReadCloser
	check *safetyCheck
	line  []byte // that is not complete
	held  []byte // not checked
	ready []byte // checked, to be handed out
	text  []rune // of held, after the overlap
	fresh int    // how much of text is new
	end   error
}

// maxHeld bounds what a stream may hold back; more is checked at once.
const maxHeld = 1 << 20

func (g *guardedStream) Read(p []byte) (int, error) {
	for len(g.ready) == 0 {
		if g.end != nil {
			return 0, g.end
		}
		g.fill()
	}
	n := copy(p, g.ready)
	g.ready = g.ready[n:]
	return n, nil
}

func (g *guardedStream) fill() {
	var buffer [16 << 10]byte
	n, err := g.ReadCloser.Read(buffer[:])
	g.held = append(g.held, buffer[:n]...)
	g.see(buffer[:n])
	if err != nil {
		g.see([]byte("\n")) // a last line that nothing ends
	}
	if g.fresh < g.check.window-g.check.overlap && len(g.held) < maxHeld && err == nil {
		return
	}
	if len(g.line) >= maxHeld { // an event that is too large to be checked
		g.held, g.end = nil, io.EOF
		return
	}
	if g.fresh > 0 {
		if bad := g.check.windows(string(g.text)); bad != nil {
			g.check.call.Trace("llm-content-safety", bad.Error())
			g.held, g.end = nil, io.EOF
			return
		}
	}
	g.text, g.fresh = g.text[max(0, len(g.text)-g.check.overlap):], 0
	whole := len(g.held) - len(g.line) // what is not a whole line was not looked at
	g.ready, g.held, g.end = g.held[:whole:whole], bytes.Clone(g.held[whole:]), err
}

// see gathers the text of the events in p.
func (g *guardedStream) see(p []byte) {
	g.line = append(g.line, p...)
	for {
		end := bytes.IndexByte(g.line, '\n')
		if end < 0 {
			return
		}
		if data, ok := bytes.CutPrefix(g.line[:end], []byte("data:")); ok {
			var piece answerJSON
			if json.Unmarshal(data, &piece) == nil {
				more := []rune(piece.text())
				g.text, g.fresh = append(g.text, more...), g.fresh+len(more)
			}
		}
		g.line = g.line[end+1:]
	}
}
