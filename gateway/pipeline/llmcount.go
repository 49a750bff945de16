package pipeline

import (
	"bytes"
	"encoding/json"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Tokens are estimated, not encoded: no vocabulary is at hand, and each model has its own. The estimate counts what
// tokenizers of the GPT family make of text on average: a token for a usual word with the blank before it, more for long
// ones, one for three digits, one for two signs, one for a character of scripts without blanks.

// estimateTokens is about how many tokens a text is.
func estimateTokens(s string) int64 {
	n := int64(0)
	for len(s) > 0 {
		r, size := utf8.DecodeRuneInString(s)
		run := size
		switch {
		case r < utf8.RuneSelf && unicode.IsLetter(r):
			run = runOf(s, func(r rune) bool { return r < utf8.RuneSelf && unicode.IsLetter(r) })
			n += int64(max(1, (run+3)/6))
		case unicode.IsDigit(r):
			run = runOf(s, unicode.IsDigit)
			n += int64(run+2) / 3
		case r == ' ': // goes with the next word
		case unicode.IsSpace(r):
			run = runOf(s, unicode.IsSpace)
			n++
		case unicode.IsLetter(r) && r < 0x2e80: // words of other alphabets: about two letters each
			run = runOf(s, func(r rune) bool { return unicode.IsLetter(r) && r < 0x2e80 })
			n += int64(utf8.RuneCountInString(s[:run])+1) / 2
		case unicode.IsLetter(r):
			n++
		default:
			run = runOf(s, func(r rune) bool { return unicode.IsPunct(r) || unicode.IsSymbol(r) })
			run = max(run, size)
			n += int64(utf8.RuneCountInString(s[:run])+1) / 2
		}
		s = s[run:]
	}
	return n
}

// runOf is how many bytes at the start of s are of runes that fit.
func runOf(s string, fits func(rune) bool) int {
	for i, r := range s {
		if !fits(r) {
			return i
		}
	}
	return len(s)
}

// What an image counts: at most 1200 tokens each (gateway.md 8.2), few when it is to be looked at coarsely.
const (
	imageTokens       = 1200
	coarseImageTokens = 85
)

// prompt is what a request asks a language model, in the forms of OpenAI's and Anthropic's APIs.
type prompt struct {
	tokens int64
	stream bool
	turns  []turn
}

// turn is one message of a conversation.
type turn struct{ role, text string }

// readPrompt reads the body of a request; one that is no JSON object asks nothing.
func readPrompt(body []byte) *prompt {
	p := &prompt{}
	var request map[string]any
	if err := json.Unmarshal(body, &request); err != nil {
		return p
	}
	p.stream, _ = request["stream"].(bool)
	for _, name := range [...]string{"system", "instructions"} {
		p.add("system", request[name])
	}
	for _, name := range [...]string{"messages", "input", "prompt"} {
		switch v := request[name].(type) {
		case []any:
			for _, each := range v {
				if _, ok := each.(float64); ok { // a prompt that is tokens
					p.tokens++
					continue
				}
				role := "user"
				if m, ok := each.(map[string]any); ok {
					if text, ok := m["role"].(string); ok {
						role = text
					}
					p.tokens += 4 // role and marks around a message
				}
				p.add(role, each)
			}
		default:
			p.add("user", v)
		}
	}
	for _, name := range [...]string{"tools", "functions"} {
		if v := request[name]; v != nil {
			text, _ := json.Marshal(v) // it was JSON before
			p.tokens += estimateTokens(string(text))
		}
	}
	if len(p.turns) > 0 {
		p.tokens += 3 // what the answer begins with
	}
	return p
}

func (p *prompt) add(role string, v any) {
	if v == nil {
		return
	}
	var text strings.Builder
	p.tokens += gather(v, &text)
	p.tokens += estimateTokens(text.String())
	p.turns = append(p.turns, turn{role, text.String()})
}

// gather writes the texts in a part of a message, and returns what the images in it count.
func gather(v any, text *strings.Builder) (images int64) {
	switch v := v.(type) {
	case string:
		if text.Len() > 0 {
			text.WriteByte('\n')
		}
		text.WriteString(v)
	case []any:
		for _, each := range v {
			images += gather(each, text)
		}
	case map[string]any:
		if kind, _ := v["type"].(string); strings.Contains(kind, "image") {
			return imageSize(v)
		}
		for _, name := range [...]string{"content", "reasoning_content", "text", "input_text", "refusal", "arguments", "function", "tool_calls", "output"} {
			if v[name] != nil {
				images += gather(v[name], text)
			}
		}
	}
	return images
}

func imageSize(v map[string]any) int64 {
	detail, _ := v["detail"].(string)
	if inner, ok := v["image_url"].(map[string]any); ok {
		detail, _ = inner["detail"].(string)
	}
	if detail == "low" {
		return coarseImageTokens
	}
	return imageTokens
}

// usage is how many tokens a call used.
type usage struct{ prompt, completion int64 }

func (u usage) total() int64 { return u.prompt + u.completion }

// usageJSON is the usage object of answers, in both families' words.
type usageJSON struct {
	Prompt     int64 `json:"prompt_tokens"`
	Completion int64 `json:"completion_tokens"`
	Input      int64 `json:"input_tokens"`
	Output     int64 `json:"output_tokens"`
	Total      int64 `json:"total_tokens"`
}

func (u *usageJSON) usage() usage {
	got := usage{max(0, u.Prompt+u.Input), max(0, u.Completion+u.Output)}
	if got.total() == 0 {
		got.prompt = max(0, u.Total)
	}
	return got
}

// answerJSON is what is read of an answer: a whole one, or a piece of a stream.
type answerJSON struct {
	Usage   *usageJSON `json:"usage"`
	Choices []struct {
		Text    string          `json:"text"`
		Message json.RawMessage `json:"message"`
		Delta   json.RawMessage `json:"delta"`
	} `json:"choices"`
	Delta    json.RawMessage `json:"delta"`    // of responses and messages that are streamed
	Response *answerJSON     `json:"response"` // the end of a streamed response
	Message  *answerJSON     `json:"message"`  // the beginning of a streamed message
	Content  json.RawMessage `json:"content"`
	Output   json.RawMessage `json:"output"`
}

// text is all that the model said.
func (a *answerJSON) text() string {
	var b strings.Builder
	for _, c := range a.Choices {
		b.WriteString(c.Text)
		gatherRaw(c.Message, &b)
		gatherRaw(c.Delta, &b)
	}
	gatherRaw(a.Delta, &b)
	gatherRaw(a.Content, &b)
	gatherRaw(a.Output, &b)
	return b.String()
}

func gatherRaw(raw json.RawMessage, b *strings.Builder) {
	if len(raw) == 0 || bytes.Equal(raw, []byte("null")) {
		return
	}
	var v any
	if json.Unmarshal(raw, &v) == nil {
		if m, ok := v.(map[string]any); ok && m["partial_json"] != nil {
			v = m["partial_json"]
		}
		gather(v, b)
	}
}

// find is the usage that an answer tells, wherever it does.
func (a *answerJSON) find() *usageJSON {
	switch {
	case a == nil:
		return nil
	case a.Usage != nil:
		return a.Usage
	case a.Response != nil:
		return a.Response.find()
	}
	return a.Message.find()
}
