package graph

import (
	"bytes"
	"net/http"
	"net/url"
	"strings"

	"gatehouse"
	"gatehouse/jsondoc"
)

// maxBatch is how many requests one batch holds (Graph: 20).
const maxBatch = 20

// batch runs the requests of a JSON batch one after the other, each authenticated
// and authorized as if it had come alone, with the token of the batch.
func batch(c *call) (*answer, error) {
	requests := c.body.Array("requests")
	if len(requests) == 0 || len(requests) > maxBatch {
		return nil, badRequest("requests", "A batch holds 1 to %d requests.", maxBatch)
	}
	responses, status := []jsondoc.Value{}, map[string]int{}
	for _, v := range requests {
		o, ok := v.(*jsondoc.Object)
		id := ""
		if ok {
			id = o.String("id")
		}
		if _, twice := status[id]; id == "" || twice {
			return nil, badRequest("requests", "Each request of a batch has an 'id' of its own.")
		}
		r, err := c.part(o)
		if err != nil {
			return nil, err
		}
		response := c.respond(o, r, status)
		status[id] = int(response.statusCode)
		responses = append(responses, response.object(id))
	}
	return &answer{body: jsondoc.NewObject("responses", responses)}, nil
}

// part makes the inner request.
func (c *call) part(o *jsondoc.Object) (*http.Request, error) {
	u, err := url.Parse("/" + c.version + "/" + strings.TrimLeft(o.String("url"), "/"))
	if err != nil || strings.Contains(gatehouse.Fold(u.Path), "$batch") {
		return nil, badRequest("url", "The url '%s' of a batch request is not the path of a Graph resource.", clip(o.String("url")))
	}
	var body []byte
	if v, ok := o.Get("body"); ok && v != nil {
		body = jsondoc.Marshal(v)
	}
	r, err := http.NewRequestWithContext(c.ctx(), strings.ToUpper(o.String("method")), u.String(), bytes.NewReader(body))
	if err != nil {
		return nil, badRequest("method", "The method '%s' of a batch request is not one.", clip(o.String("method")))
	}
	r.Header = c.r.Header.Clone()
	r.RemoteAddr, r.TLS, r.Host = c.r.RemoteAddr, c.r.TLS, c.r.Host
	r.Header.Set("client-request-id", c.correlation)
	return r, nil
}

type response struct {
	statusCode int
	header     http.Header
	body       jsondoc.Value
}

func (c *call) respond(o *jsondoc.Object, r *http.Request, done map[string]int) response {
	for _, v := range o.Array("dependsOn") {
		s, _ := v.(string)
		if code, ok := done[s]; !ok || code >= 400 {
			return response{statusCode: http.StatusFailedDependency, body: jsondoc.NewObject("error",
				jsondoc.NewObject("code", "FailedDependency", "message", "A request that this one depends on has failed or stands behind it."))}
		}
	}
	w := &recorder{header: http.Header{}, status: http.StatusOK}
	c.h.ServeHTTP(w, r)
	out := response{statusCode: w.status, header: w.header}
	if v, err := jsondoc.Parse(w.body.Bytes(), jsondoc.Options{}); err == nil {
		out.body = v
	}
	return out
}

// recorder keeps the answer of an inner request.
type recorder struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (w *recorder) Header() http.Header         { return w.header }
func (w *recorder) WriteHeader(status int)      { w.status = status }
func (w *recorder) Write(b []byte) (int, error) { return w.body.Write(b) }

func (r response) object(id string) *jsondoc.Object {
	o := jsondoc.NewObject("id", id, "status", r.statusCode)
	headers := jsondoc.NewObject()
	for _, name := range []string{"Content-Type", "Location", "request-id"} {
		if v := r.header.Get(name); v != "" {
			headers.Set(name, v)
		}
	}
	o.Set("headers", headers)
	if r.body != nil {
		o.Set("body", r.body)
	}
	return o
}
