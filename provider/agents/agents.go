// Package agents is the part of Gatehouse.Access by which people let programs act for them: tokens that are good for
// calls of APIs only, for an hour at most, and for what both the person may and the grant covers.
//
// Everybody may make grants of their own rights, which gives nothing to anybody that they have not, and end
// their own. Agents may not: their tokens are not accepted here, and would be refused if they were.
package agents

import (
	"context"
	"net/http"
	"regexp"
	"strings"
	"time"

	"gatehouse"
	"gatehouse/arm"
	"gatehouse/entra"
	"gatehouse/jsondoc"
	"gatehouse/openapi"
	"gatehouse/provider/access"
	"gatehouse/store"
)

// Grants makes, lists and ends grants: entra.Server.
type Grants interface {
	IssueAgent(ctx context.Context, tx *store.Tx, g *entra.AgentGrant) (token string, err error)
	AgentGrants(ctx context.Context, r store.Reader, user gatehouse.GUID) ([]entra.AgentGrant, error)
	RevokeAgent(ctx context.Context, tx *store.Tx, user, id gatehouse.GUID) error
}

type provider struct{ Grants }

// Calls returns the calls of Gatehouse.Access that this package answers.
func Calls(g Grants) []arm.Call {
	p := &provider{g}
	return []arm.Call{
		{Method: http.MethodPost, Path: access.Path + "/issueAgentToken", Do: p.issue},
		{Method: http.MethodPost, Path: access.Path + "/listAgentGrants", Do: p.list},
		{Method: http.MethodPost, Path: access.Path + "/revokeAgentGrant", Do: p.revoke},
	}
}

// request is the body of issueAgentToken.
type request struct {
	Agent    string   `json:"agent"`              // what the agent is called in logs
	Actions  []string `json:"dataActions"`        // patterns, such as Gatehouse.Gateway/*/read
	Scopes   []string `json:"scopes"`             // resource IDs, of services, APIs, operations, or what is above
	Lifetime string   `json:"lifetime,omitempty"` // such as 10m; 15 minutes when empty, an hour at most
}

// issued is the answer of issueAgentToken.
type issued struct {
	Token   string    `json:"accessToken"`
	Expires time.Time `json:"expiresOn"`
	Grant   string    `json:"grantId"`
}

type grantList struct {
	Value []entra.AgentGrant `json:"value"`
}

type revocation struct {
	Grant string `json:"grantId"`
}

// Operations documents the calls.
func Operations() []openapi.Operation {
	versions := []string{access.Version}
	return []openapi.Operation{
		{Method: "POST", Path: access.Path + "/issueAgentToken", ID: "issueAgentToken", Tag: "agents", Summary: "A token by which a program acts for the caller", Versions: versions,
			Description: "The token is good for calls of APIs through gateways: for what both the caller may and the grant covers, until either ends.", Body: request{}, Answer: issued{}},
		{Method: "POST", Path: access.Path + "/listAgentGrants", ID: "listAgentGrants", Tag: "agents", Summary: "The caller's grants that count now", Versions: versions, Answer: grantList{}},
		{Method: "POST", Path: access.Path + "/revokeAgentGrant", ID: "revokeAgentGrant", Tag: "agents", Summary: "End one of the caller's grants, and its token with it", Versions: versions, Body: revocation{}},
	}
}

var (
	agentName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._@ -]{0,63}$`)
	dataWords = regexp.MustCompile(`^[A-Za-z0-9*._-]+(/[A-Za-z0-9*._-]+)*$`)
)

const usualLife = 15 * time.Minute

// refuseAgents keeps agents from acting here at all.
func refuseAgents(op *arm.Op) error {
	if op.Caller.Agent != nil {
		return gatehouse.Errorf(gatehouse.Forbidden, gatehouse.AuthorizationFailed, "An agent cannot grant anything.")
	}
	return nil
}

func (p *provider) issue(op *arm.Op) (*arm.Answer, error) {
	if err := refuseAgents(op); err != nil {
		return nil, err
	}
	var q request
	if err := op.Decode(&q); err != nil {
		return nil, err
	}
	life, err := q.check()
	if err != nil {
		return nil, err
	}
	c := op.Caller
	g := &entra.AgentGrant{Agent: q.Agent, User: c.ID, Type: c.Type, Name: c.Name, Actions: q.Actions, Scopes: q.Scopes, Expires: op.Now.Add(life)}
	var token string
	err = op.Write(nil, func(tx *store.Tx) error {
		if token, err = p.IssueAgent(op.Context, tx, g); err != nil {
			return err
		}
		return tx.Note(gatehouse.Event, "a token was issued for "+g.Agent+" for "+c.Name+": "+strings.Join(g.Actions, ", ")+" at "+strings.Join(g.Scopes, ", "))
	})
	if err != nil {
		return nil, err
	}
	return arm.OK(jsondoc.NewObject("accessToken", token, "expiresOn", g.Expires.UTC().Format(time.RFC3339), "grantId", g.ID.String())), nil
}

// check refuses what is no grant.
func (q *request) check() (life time.Duration, err error) {
	if !agentName.MatchString(q.Agent) || strings.Contains(q.Agent, " for ") { // logs say "agent for user"
		return 0, gatehouse.Errorf(gatehouse.Invalid, "AgentInvalid", "Name the agent by 1 to 64 letters, digits, and . _ @ - or blanks, without the word for.").At("agent")
	}
	if len(q.Actions) == 0 || len(q.Scopes) == 0 {
		return 0, gatehouse.Errorf(gatehouse.Invalid, "GrantInvalid", "A grant names data actions and scopes.").At("dataActions")
	}
	for _, a := range q.Actions {
		if !dataWords.MatchString(a) {
			return 0, gatehouse.Errorf(gatehouse.Invalid, "GrantInvalid", "'%s' is no data action, nor a pattern of them.", a).At("dataActions")
		}
	}
	for _, s := range q.Scopes {
		if _, err := gatehouse.ParseScope(s); err != nil || s == "" {
			return 0, gatehouse.Errorf(gatehouse.Invalid, "GrantInvalid", "'%s' is no scope: give a resource ID.", s).At("scopes")
		}
	}
	if life = usualLife; q.Lifetime != "" {
		if life, err = time.ParseDuration(q.Lifetime); err != nil || life < time.Second || life > entra.AgentLife {
			return 0, gatehouse.Errorf(gatehouse.Invalid, "LifetimeInvalid", "An agent token lasts for a second to an hour, for example 15m; '%s' is neither.", q.Lifetime).At("lifetime")
		}
	}
	return life, nil
}

func (p *provider) list(op *arm.Op) (*arm.Answer, error) {
	if err := refuseAgents(op); err != nil {
		return nil, err
	}
	all, err := p.AgentGrants(op.Context, op.Store(), op.Caller.ID)
	if err != nil {
		return nil, err
	}
	list := []any{}
	for i := range all {
		g := &all[i]
		list = append(list, jsondoc.NewObject("id", g.ID.String(), "agent", g.Agent, "user", g.User.String(), "userType", string(g.Type), "userName", g.Name,
			"actions", texts(g.Actions), "scopes", texts(g.Scopes), "expires", g.Expires.UTC().Format(time.RFC3339)))
	}
	return arm.OK(jsondoc.NewObject("value", list)), nil
}

func texts(list []string) []any {
	out := []any{}
	for _, s := range list {
		out = append(out, s)
	}
	return out
}

func (p *provider) revoke(op *arm.Op) (*arm.Answer, error) {
	if err := refuseAgents(op); err != nil {
		return nil, err
	}
	var q revocation
	if err := op.Decode(&q); err != nil {
		return nil, err
	}
	id, err := gatehouse.ParseGUID(q.Grant)
	if err != nil {
		return nil, gatehouse.Errorf(gatehouse.Invalid, "GrantInvalid", "'%s' is no ID of a grant.", q.Grant).At("grantId")
	}
	err = op.Write(nil, func(tx *store.Tx) error { return p.RevokeAgent(op.Context, tx, op.Caller.ID, id) })
	if err != nil {
		return nil, err
	}
	return &arm.Answer{Status: http.StatusNoContent}, nil
}
