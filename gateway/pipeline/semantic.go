package pipeline

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	"gatehouse/gateway/config"
	"gatehouse/policy"
)

// The semantic cache: llm-semantic-cache-lookup and -store (gateway.md 8.3). A prompt is made a vector by the embeddings
// backend; the completion of one that is near enough answers. Vectors are kept and compared in this process. No fault of the
// cache or of that backend fails a call. Who shares completions is what vary-by says, as on Azure.

// cognitive is the resource of Azure's models, for tokens of the service's identity (embeddings-backend-auth).
const cognitive = "https://cognitiveservices.azure.com"

type semanticLookup struct {
	threshold    Real
	backend      Text
	auth         Text
	ignoreSystem Flag
	most         Whole
	vary         []Text
	workspace    config.Key
}

func compileSemanticLookup(k *Compiler, e *policy.Element) Step {
	return &semanticLookup{k.Real(e, "score-threshold"), k.Text(e, "embeddings-backend-id"), k.Text(e, "embeddings-backend-auth"), k.Flag(e, "ignore-system-messages"),
		k.Whole(e, "max-message-count"), k.Contents(e, "vary-by"), config.KeyOf(k.doc.ID).Workspace()}
}

// nearness is what the store has to know of the lookup.
type nearness struct {
	partition string
	numbers   []float32
}

func (s *semanticLookup) Run(c *Call) error {
	threshold, err := s.threshold.Eval(c)
	id, err2 := s.backend.Eval(c)
	auth, err3 := s.auth.Eval(c)
	ignore, err4 := s.ignoreSystem.Eval(c)
	most, err5 := s.most.Eval(c)
	partition, err6 := s.partition(c)
	if err := cmpErr(err, err2, err3, err4, err5, err6); err != nil {
		return err
	}
	p, err := c.prompt()
	if err != nil {
		return err
	}
	text := p.conversation(ignore)
	if c.Home.Vectors == nil || text == "" || s.most.Given() && int64(len(p.turns)) > most {
		return nil
	}
	numbers, err := s.embed(c, id, auth, text)
	if err != nil {
		c.Trace("llm-semantic-cache-lookup", "There is no embedding of the prompt: "+err.Error())
		return nil
	}
	if p.stream {
		partition += "stream"
	}
	if data, distance, ok := c.Home.Vectors.Nearest(partition, numbers, threshold); ok {
		if r, err := readResponse(data); err == nil {
			c.SetResponse(&r.Response)
			c.Answered, c.Cached, c.shared.hit = true, Hit, semanticStore
			c.Trace("llm-semantic-cache-lookup", "A completion of a similar prompt is used.", "distance", strconv.FormatFloat(distance, 'g', 4, 64))
			return errCached
		}
	}
	c.Cached, c.shared.near = Miss, &nearness{partition, numbers}
	return nil
}

// partition tells what answers may be shared at all: the API and its revision, where the call goes, and what the policy varies by.
func (s *semanticLookup) partition(c *Call) (string, error) {
	p := &packer{}
	p.text(c.Home.Key)
	p.text(string(s.workspace))
	if c.API != nil {
		p.text(c.API.ID)
		p.text(c.API.Revision)
	}
	if c.Target.Base != nil {
		p.text(c.Target.Base.String())
	}
	p.text(c.Request.OriginalURL.Path)
	p.text(c.Request.URL.Path)
	for i := range s.vary {
		v, err := s.vary[i].Eval(c)
		if err != nil {
			return "", err
		}
		p.text(v)
	}
	return string(p.b), nil
}

// conversation is what is made a vector.
func (p *prompt) conversation(ignoreSystem bool) string {
	var b strings.Builder
	for _, t := range p.turns {
		if t.text == "" || ignoreSystem && (t.role == "system" || t.role == "developer") {
			continue
		}
		b.WriteString(t.role)
		b.WriteString(": ")
		b.WriteString(t.text)
		b.WriteByte('\n')
	}
	return b.String()
}

func (s *semanticLookup) embed(c *Call, id, auth, text string) ([]float32, error) {
	to := c.Home.Backends.Find(s.workspace, id)
	if to == nil {
		return nil, failed("BackendNotFound", "Backend with id '"+id+"' could not be found.")
	}
	resource := ""
	if auth == "system-assigned" {
		resource = cognitive
	}
	var answer struct {
		Data []struct {
			Embedding []float32 `json:"embedding"`
		} `json:"data"`
	}
	if err := c.ask(to, "", "", resource, map[string]string{"input": text}, &answer); err != nil {
		return nil, err
	}
	if len(answer.Data) == 0 || len(answer.Data[0].Embedding) == 0 {
		return nil, failed("EmbeddingMissing", "The backend's answer has no embedding.")
	}
	return answer.Data[0].Embedding, nil
}

// semanticStorePolicy is llm-semantic-cache-store.
type semanticStorePolicy struct {
	duration Whole
	any      Flag
}

func compileSemanticStore(k *Compiler, e *policy.Element) Step {
	k.storesIn(semanticStore)
	return &semanticStorePolicy{k.Whole(e, "duration"), k.Flag(e, "cache-response")}
}

func (s *semanticStorePolicy) Run(c *Call) error {
	if c.shared.skip != 0 {
		c.shared.skip &^= semanticStore
		return nil
	}
	near := c.shared.near
	if near == nil {
		return nil
	}
	seconds, err := s.duration.Eval(c)
	wanted, err2 := s.any.Eval(c)
	if err := cmpErr(err, err2); err != nil {
		return err
	}
	if !s.any.Given() {
		wanted = c.Reply().StatusCode == http.StatusOK
	}
	if wanted && seconds > 0 {
		ttl, vectors := time.Duration(min(seconds, maxRenewal))*time.Second, c.Home.Vectors
		c.keepAnswer(ttl, func(data []byte) { vectors.Add(near.partition, near.numbers, data, ttl) })
	}
	return nil
}
