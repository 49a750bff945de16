package main

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"
)

// agentToken is what issueAgentToken answers.
type agentToken struct {
	Token string    `json:"accessToken"`
	Ends  time.Time `json:"expiresOn"`
	Grant string    `json:"grantId"`
}

func tokenAgentCommand() *cobra.Command {
	var data, as, agent, revoke string
	var actions, scopes []string
	var life time.Duration
	c := &cobra.Command{
		Use: "agent --agent NAME --action ACTION... --scope SCOPE...", Short: "Print a token by which a program acts for somebody", Args: cobra.NoArgs,
		Long: `Print a short-lived token for calls of APIs, for a program that acts for somebody: the bootstrap service
principal or, with --as, another user or service principal. It is good for what both that one may and the
grant covers: data actions (patterns are possible) at and below scopes. It ends with its time, with the
user, with the user's role assignments, and when it is revoked. The grant's ID goes to standard error.`,
		Example: `  gatehouse token agent --as ada@contoso.example --agent orders-bot --action 'Gatehouse.Gateway/*' --scope /subscriptions/…/service/contoso-apim/apis/orders
  gatehouse token agent --as ada@contoso.example --revoke 11111111-2222-3333-4444-555555555555`,
		RunE: func(c *cobra.Command, _ []string) error {
			if revoke == "" && (agent == "" || len(actions) == 0 || len(scopes) == 0) {
				return usagef("an agent token needs --agent, --action and --scope; --revoke ends one")
			}
			cl, err := newClient(data)
			if err != nil {
				return err
			}
			if as != "" {
				if cl.bearer, err = cl.tokenAs(c.Context(), as, cl.r.PublicURL); err != nil {
					return err
				}
			}
			if revoke != "" {
				return cl.post(c.Context(), "/providers/Gatehouse.Access/revokeAgentGrant", map[string]string{"grantId": revoke}, nil)
			}
			var made agentToken
			err = cl.post(c.Context(), "/providers/Gatehouse.Access/issueAgentToken", map[string]any{"agent": agent, "dataActions": actions, "scopes": scopes, "lifetime": life.String()}, &made)
			if err != nil {
				return err
			}
			fmt.Fprintf(c.ErrOrStderr(), "grant %s until %s\n", made.Grant, made.Ends.Format(time.RFC3339))
			fmt.Fprintln(c.OutOrStdout(), made.Token)
			return nil
		},
	}
	dataFlag(c, &data, serverData)
	f := c.Flags()
	f.StringVar(&as, "as", "", "for whom the agent acts: user principal name, application ID or object ID (default: the bootstrap service principal)")
	f.StringVar(&agent, "agent", "", "what the agent is called in logs")
	f.StringSliceVar(&actions, "action", nil, "data action that the grant covers, or a pattern; may be repeated")
	f.StringSliceVar(&scopes, "scope", nil, "resource ID at and below which it does; may be repeated")
	f.DurationVar(&life, "for", 15*time.Minute, "how long, an hour at most")
	f.StringVar(&revoke, "revoke", "", "end the grant with this ID instead")
	return c
}
