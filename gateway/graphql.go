package gateway

import (
	"log/slog"
	"strings"
	"sync"

	"gatehouse/gateway/config"
	"gatehouse/gateway/graphql"
	"gatehouse/gateway/pipeline"
	"gatehouse/policy"
)

// graphQL is what calls of a GraphQL API have besides (gateway.md 10). It is read when the first of them comes.
type graphQL struct {
	api       *config.API
	schema    string
	resolvers map[pipeline.Field]*document
	log       *slog.Logger

	once sync.Once
	call pipeline.GraphQLCall
}

// graphQLOf is nil for APIs of other kinds.
func (b *builder) graphQLOf(c *config.Config, e *config.API, log *slog.Logger) *graphQL {
	if !strings.EqualFold(e.Type, "graphql") {
		return nil
	}
	g := &graphQL{api: e, log: log}
	for _, s := range c.Schemas.Below(e.Key()) {
		if strings.Contains(strings.ToLower(s.ContentType), "graphql") {
			g.schema = s.Text
		}
	}
	if strings.TrimSpace(e.ServiceURL) != "" {
		return g
	}
	g.resolvers = map[pipeline.Field]*document{}
	for _, r := range c.Resolvers.Below(e.Key()) {
		typeName, field, ok := strings.Cut(strings.Trim(r.Path, "/"), "/")
		if d := b.documents[r.Key()]; ok && d != nil {
			g.resolvers[pipeline.Field{Type: typeName, Name: field}] = d
		}
	}
	return g
}

// get reads the schema and compiles the resolvers, once. An API whose schema cannot be read refuses what needs it.
func (g *graphQL) get() pipeline.GraphQLCall {
	g.once.Do(func() {
		if g.schema != "" {
			schema, err := graphql.ParseSchema(g.schema)
			if err != nil {
				g.log.Warn("the schema of a GraphQL API cannot be read", "api", g.api.ID, "error", err)
			}
			g.call.Schema = schema
		}
		if g.resolvers == nil {
			return
		}
		g.call.Resolvers = map[pipeline.Field]*pipeline.Resolver{}
		for field, d := range g.resolvers {
			if r := d.resolver(); r != nil {
				g.call.Resolvers[field] = r
			}
		}
	})
	return g.call
}

// resolver compiles a document that is the policy of a resolver; nil when it cannot be read, as saving makes impossible.
func (d *document) resolver() *pipeline.Resolver {
	format, _ := policy.FormatNamed(d.source.Format)
	parsed, err := policy.Parse(d.source.Value, format)
	if err != nil {
		return nil
	}
	return pipeline.CompileResolver(pipeline.Source{ID: d.source.ID, Scope: d.scope, Document: parsed}, d.texts.env(d.source.Key().Workspace()))
}
