package pipeline

import (
	"bytes"
	"net/http"
	"strings"
	"unicode"

	"gatehouse/gateway/contract"
	"gatehouse/policy"
)

// jsonp is jsonp: a JSON answer becomes the call of a function that the client names.
type jsonp struct{ parameter Text }

func compileJSONP(k *Compiler, e *policy.Element) Step {
	return &jsonp{k.Text(e, "callback-parameter-name")}
}

func (j *jsonp) Run(c *Call) error {
	name, err := j.parameter.Eval(c)
	if err != nil {
		return err
	}
	callback := parameter(c.Request.OriginalURL.RawQuery, name)
	body := c.Body(Answer)
	if c.Request.Method != http.MethodGet || callback == "" || body == nil {
		return nil
	}
	if !isFunctionName(callback) {
		text := "Callback parameter value " + callback + " is not a valid JavaScript identifier."
		return &Failure{Reason: "CallbackParameterInvalid", Message: text, Status: http.StatusBadRequest, Text: text}
	}
	if media := contract.MediaType(c.Headers(Answer).Get("Content-Type")); media != "" && !isJSON(media) {
		return nil
	}
	data, err := body.Bytes(false)
	if err != nil {
		return failed(ReasonBackendConnection, "The body could not be read: "+err.Error())
	}
	// The comment before the call keeps the answer from being read as anything but a script.
	c.SetBody(Answer, NewBody(bytes.Join([][]byte{[]byte("/**/" + callback + "("), data, []byte(")")}, nil)))
	c.Headers(Answer).Set("Content-Type", "application/javascript")
	c.Headers(Answer).Set("X-Content-Type-Options", "nosniff")
	return nil
}

// isFunctionName reports whether a text is an identifier of JavaScript, or several with dots between them.
func isFunctionName(s string) bool {
	if len(s) > 128 {
		return false
	}
	for part := range strings.SplitSeq(s, ".") {
		for i, r := range part {
			if !(r == '_' || r == '$' || unicode.IsLetter(r) || i > 0 && unicode.IsDigit(r)) {
				return false
			}
		}
		if part == "" {
			return false
		}
	}
	return true
}

func isJSON(media string) bool {
	return media == "application/json" || media == "text/json" || strings.HasSuffix(media, "+json")
}
