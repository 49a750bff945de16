package pipeline

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"strings"
)

// Several policies want to know how many tokens a call used. They share one watch: an answer that is JSON is read when it
// has come, since headers tell of it; a stream of events is counted while it goes by and is never kept.

// tokenWatch is what is known of a call's tokens.
type tokenWatch struct {
	asked     *prompt // of the request, once somebody wanted to know
	answered  bool    // a backend has answered, or is about to end its stream
	listeners []func(*Call, usage)
}

// tokenUse has f told what each answer of a backend used. For streams that is at their end, when the call's response is under way.
func (c *Call) tokenUse(f func(*Call, usage)) {
	w := c.watch()
	if len(w.listeners) == 0 {
		c.OnAnswer(watchAnswer)
	}
	w.listeners = append(w.listeners, f)
}

func (c *Call) watch() *tokenWatch {
	if c.shared.tokens == nil {
		c.shared.tokens = &tokenWatch{}
	}
	return c.shared.tokens
}

// prompt reads the request's. The body stays for the backend.
func (c *Call) prompt() (*prompt, error) {
	w := c.watch()
	if w.asked != nil {
		return w.asked, nil
	}
	body := c.Body(Request)
	if body == nil {
		w.asked = &prompt{}
		return w.asked, nil
	}
	data, err := body.Bytes(true)
	if err != nil {
		return nil, &Failure{Reason: ReasonClientConnection, Message: "The body of the request could not be read.", Cause: err}
	}
	w.asked = readPrompt(data)
	return w.asked, nil
}

// answerIs reports whether the answer is of a media type.
func (c *Call) answerIs(want string) bool {
	kind, _, err := mime.ParseMediaType(firstOf(c.Reply().Headers["Content-Type"]))
	return err == nil && (kind == want || strings.HasSuffix(kind, "+json") && want == "application/json")
}

func firstOf(values []string) string {
	if len(values) == 0 {
		return ""
	}
	return values[0]
}

// watchAnswer finds out what an answer used.
func watchAnswer(c *Call) error {
	w := c.watch()
	w.answered = true
	tell := func(u usage) {
		for _, f := range w.listeners {
			f(c, u)
		}
	}
	body := c.Body(Answer)
	switch status := c.Reply().StatusCode; {
	case status < 200 || status > 299 || body == nil:
		tell(usage{})
	case c.answerIs("text/event-stream") && body.stream != nil:
		counted := &eventCounter{ReadCloser: body.stream, done: func(u usage, exact bool) {
			if !exact {
				if p, err := c.prompt(); err == nil {
					u.prompt = p.tokens
				}
			}
			tell(u)
		}}
		body.stream = counted
		c.OnClose(counted.finish)
	case c.answerIs("application/json"):
		tell(c.usageOf(body))
	default: // not the answer of a model
		tell(usage{})
	}
	return nil
}

// usageOf reads a whole answer; what does not tell its use is estimated.
func (c *Call) usageOf(body *Body) usage {
	data, err := body.Bytes(true)
	if err != nil {
		return usage{} // whoever sends the answer will meet the error
	}
	if firstOf(c.Reply().Headers["Content-Encoding"]) == "gzip" {
		if data, err = unzip(data); err != nil {
			return usage{}
		}
	}
	var answer answerJSON
	if json.Unmarshal(data, &answer) != nil {
		return usage{}
	}
	if u := answer.find(); u != nil {
		return u.usage()
	}
	u := usage{completion: estimateTokens(answer.text())}
	if p, err := c.prompt(); err == nil && u.completion > 0 {
		u.prompt = p.tokens
	}
	return u
}

func unzip(data []byte) ([]byte, error) {
	r, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	return io.ReadAll(io.LimitReader(r, ReadBody))
}

// eventCounter counts the tokens of a stream of events that goes by. It keeps one line at most.
type eventCounter struct {
	io.ReadCloser
	line []byte
	long bool // the line is longer than what is kept
	use  usage
	told bool // the stream itself told its use
	over bool
	done func(u usage, exact bool)
}

// maxEventLine bounds what is kept of a line; longer ones are estimated by their length.
const maxEventLine = 64 << 10

func (e *eventCounter) Read(p []byte) (int, error) {
	n, err := e.ReadCloser.Read(p)
	e.see(p[:n])
	if errors.Is(err, io.EOF) {
		e.finish()
	}
	return n, err
}

func (e *eventCounter) Close() error {
	e.finish()
	return e.ReadCloser.Close()
}

func (e *eventCounter) finish() {
	if e.over {
		return
	}
	e.over = true
	e.event()
	e.done(e.use, e.told)
}

func (e *eventCounter) see(p []byte) {
	for len(p) > 0 {
		end := bytes.IndexByte(p, '\n')
		piece := p
		if end >= 0 {
			piece, p = p[:end], p[end+1:]
		} else {
			p = nil
		}
		if len(e.line)+len(piece) > maxEventLine {
			if !e.told {
				e.use.completion += int64(len(e.line)+len(piece)) / 4
			}
			e.line, e.long = e.line[:0], true
		} else {
			e.line = append(e.line, piece...)
		}
		if end >= 0 {
			e.event()
		}
	}
}

// event counts the line that is complete.
func (e *eventCounter) event() {
	line, long := e.line, e.long
	e.line, e.long = e.line[:0], false
	data, ok := bytes.CutPrefix(line, []byte("data:"))
	if long || !ok || len(data) > 0 && bytes.IndexByte(data, '{') < 0 {
		return
	}
	var piece answerJSON
	if json.Unmarshal(data, &piece) != nil {
		return
	}
	if u := piece.find(); u != nil {
		e.tell(u.usage())
	}
	if e.told {
		return
	}
	if text := piece.text(); text != "" {
		e.use.completion += max(1, estimateTokens(text))
	}
}

// tell takes what the stream says of itself. Some streams tell of the prompt first and of the rest at the end.
func (e *eventCounter) tell(u usage) {
	if !e.told {
		e.use, e.told = usage{}, true
	}
	e.use = usage{max(e.use.prompt, u.prompt), max(e.use.completion, u.completion)}
}
