package pipeline

import (
	"cmp"
	"slices"
	"strings"
	"sync"

	"gatehouse/policy"
)

// Metrics holds what emit-metric and llm-emit-token-metric sent: sums and counts by dimensions, for whoever shows them. Its zero value is empty.
type Metrics struct {
	mu      sync.Mutex
	series  map[string]*Metric
	dropped uint64
}

// Metric is one series.
type Metric struct {
	Name   string // namespace and name as an identifier of letters, digits and underscores
	Labels []Label
	Sum    float64
	Count  uint64
}

// Label is a dimension of a series; its name is an identifier too.
type Label struct{ Name, Value string }

// maxSeries bounds the series of a gateway: dimensions may have any value that clients send.
const maxSeries = 10_000

func (m *Metrics) add(name string, labels []Label, value float64) {
	var key strings.Builder
	key.WriteString(name)
	for _, l := range labels {
		key.WriteByte(0)
		key.WriteString(l.Name)
		key.WriteByte(0)
		key.WriteString(l.Value)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	s := m.series[key.String()]
	if s == nil {
		if len(m.series) >= maxSeries {
			m.dropped++
			return
		}
		if m.series == nil {
			m.series = map[string]*Metric{}
		}
		s = &Metric{Name: name, Labels: slices.Clone(labels)}
		m.series[key.String()] = s
	}
	s.Sum += value
	s.Count++
}

// All returns the series by name and labels.
func (m *Metrics) All() []Metric {
	m.mu.Lock()
	defer m.mu.Unlock()
	all := make([]Metric, 0, len(m.series))
	for _, s := range m.series {
		all = append(all, *s)
	}
	slices.SortFunc(all, func(a, b Metric) int {
		return cmp.Or(strings.Compare(a.Name, b.Name), slices.CompareFunc(a.Labels, b.Labels, func(a, b Label) int {
			return cmp.Or(strings.Compare(a.Name, b.Name), strings.Compare(a.Value, b.Value))
		}))
	})
	return all
}

// Dropped is how many values found no place because there are too many series.
func (m *Metrics) Dropped() uint64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.dropped
}

// identifier makes a name of a metric or label out of what people call it.
func identifier(text string) string {
	var b strings.Builder
	for _, r := range strings.ToLower(text) {
		switch {
		case r >= 'a' && r <= 'z', r == '_', r >= '0' && r <= '9' && b.Len() > 0:
			b.WriteRune(r)
		default:
			b.WriteByte('_')
		}
	}
	return b.String()
}

// dimension is a dimension element. Those that are known need no value (gateway.md 8.2).
type dimension struct {
	label string
	name  Text
	known func(*Call) string
	value Text
}

// knownDimension tells the dimensions that the gateway fills in.
func knownDimension(name string) func(*Call) string {
	switch strings.ToLower(name) {
	case "api id":
		return func(c *Call) string { return idOf(c.API != nil, func() string { return c.API.ID }) }
	case "operation id":
		return func(c *Call) string { return idOf(c.Operation != nil, func() string { return c.Operation.ID }) }
	case "product id":
		return func(c *Call) string { return idOf(c.Product != nil, func() string { return c.Product.ID }) }
	case "user id":
		return func(c *Call) string { return idOf(c.User != nil, func() string { return c.User.ID }) }
	case "subscription id":
		return func(c *Call) string { return idOf(c.Subscription != nil, func() string { return c.Subscription.ID }) }
	case "location":
		return func(c *Call) string { return idOf(c.Deployment != nil, func() string { return c.Deployment.Region }) }
	case "gateway id":
		return func(c *Call) string {
			return idOf(c.Deployment != nil, func() string { return c.Deployment.GatewayID })
		}
	case "backend id":
		return func(c *Call) string { return idOf(c.Backend != nil, func() string { return c.Backend.ID }) }
	}
	return nil
}

// idOf is a value that calls may lack.
func idOf(there bool, value func() string) string {
	if there {
		return value()
	}
	return ""
}

func (k *Compiler) dimensions(e *policy.Element) []dimension {
	var all []dimension
	own := 0
	for _, child := range e.Children {
		if child.Name != "dimension" {
			continue
		}
		d := dimension{name: k.Text(child, "name"), value: k.Text(child, "value")}
		if d.name.Literal() {
			d.label, d.known = identifier(d.name.text), knownDimension(d.name.text)
		}
		if d.known == nil || d.value.Given() {
			own++
		}
		if d.known == nil && !d.value.Given() {
			k.Fault(child, "The dimension '%s' needs a value.", d.name.text)
		}
		all = append(all, d)
	}
	if own > policy.MaxDimensions {
		k.Fault(e, "A metric has at most %d dimensions of its own; here are %d.", policy.MaxDimensions, own)
	}
	return all
}

// labels evaluates dimensions. Of two with one name the last counts.
func labels(c *Call, dimensions []dimension) ([]Label, error) {
	all := make([]Label, 0, len(dimensions)+1)
	for _, d := range dimensions {
		l := Label{Name: d.label}
		if l.Name == "" {
			name, err := d.name.Eval(c)
			if err != nil {
				return nil, err
			}
			l.Name = identifier(name)
		}
		var err error
		if d.value.Given() {
			l.Value, err = d.value.Eval(c)
		} else {
			l.Value = d.known(c)
		}
		if err != nil {
			return nil, err
		}
		l.Value = strings.ToValidUTF8(l.Value, "\uFFFD")
		all = slices.DeleteFunc(all, func(old Label) bool { return old.Name == l.Name })
		all = append(all, l)
	}
	slices.SortFunc(all, func(a, b Label) int { return strings.Compare(a.Name, b.Name) })
	return all, nil
}

// metricName is a name within a namespace.
func metricName(namespace, name string) string {
	if namespace == "" {
		namespace = "API Management"
	}
	return identifier(namespace + " " + name)
}

// emitMetric is emit-metric.
type emitMetric struct {
	namespace  string
	name       Text
	value      Real
	dimensions []dimension
}

func compileEmitMetric(k *Compiler, e *policy.Element) Step {
	return &emitMetric{k.Literal(e, "namespace"), k.Text(e, "name"), k.Real(e, "value"), k.dimensions(e)}
}

func (s *emitMetric) Run(c *Call) error {
	name, err := s.name.Eval(c)
	value, err2 := s.value.Eval(c)
	list, err3 := labels(c, s.dimensions)
	if err := cmpErr(err, err2, err3); err != nil {
		return err
	}
	if c.Services.Metrics != nil {
		c.Services.Metrics.add(metricName(s.namespace, name), list, value)
	}
	return nil
}

// tokenMetric is llm-emit-token-metric and azure-openai-emit-token-metric: three metrics for each answer.
type tokenMetric struct {
	total, prompt, completion string
	dimensions                []dimension
}

func compileTokenMetric(k *Compiler, e *policy.Element) Step {
	namespace := k.Literal(e, "namespace")
	return &tokenMetric{metricName(namespace, "Total Tokens"), metricName(namespace, "Prompt Tokens"), metricName(namespace, "Completion Tokens"), k.dimensions(e)}
}

// Run evaluates the dimensions now, as the policy stands, but for those that the gateway fills in: the backend is not known yet.
func (s *tokenMetric) Run(c *Call) error {
	if c.Services.Metrics == nil {
		return nil
	}
	if _, err := labels(c, s.dimensions); err != nil {
		return err
	}
	c.tokenUse(func(c *Call, u usage) {
		if u.total() == 0 {
			return
		}
		list, err := labels(c, s.dimensions)
		if err != nil {
			traceFault(c, err)
			return
		}
		m := c.Services.Metrics
		m.add(s.total, list, float64(u.total()))
		m.add(s.prompt, list, float64(u.prompt))
		m.add(s.completion, list, float64(u.completion))
	})
	return nil
}
