// Package operations is Gatehouse.Operations: what an administrator of this
// server can do that Azure has no call for. The calls pass through the ARM
// pipeline like all others, need directory rights that only a Global Administrator
// holds, and are recorded.
package operations

import (
	"context"
	"time"

	"gatehouse"
	"gatehouse/arm"
	"gatehouse/directory"
	"gatehouse/jsondoc"
)

// Namespace is the provider namespace.
const Namespace = "Gatehouse.Operations"

// Config holds what the calls reach for.
type Config struct {
	Directory *directory.Index
	// IssueToken returns an access token of a principal for a resource.
	IssueToken func(ctx context.Context, principal gatehouse.GUID, resource string) (token string, expires time.Time, err error)
	// RotateKeys makes new keys for secrets at rest and for signing tokens.
	RotateKeys func(ctx context.Context) error
	// RevokeKeys withdraws the keys that sign tokens, and every token with them.
	RevokeKeys func(ctx context.Context) error
}

// New declares the provider.
func New(c Config) *arm.Provider {
	base := "/providers/" + Namespace
	return &arm.Provider{
		Namespace: Namespace, DisplayName: "Gatehouse", Versions: []string{"2026-11-01"},
		Calls: []arm.Call{
			{Method: "POST", Path: base + "/issueToken", Action: "Microsoft.Graph/directory/issueToken/action", Data: true, At: directory.RootPath, Do: c.issueToken},
			{Method: "POST", Path: base + "/rotateKeys", Action: "Microsoft.Graph/directory/rotateKeys/action", Data: true, At: directory.RootPath, Do: c.rotateKeys},
		},
	}
}

// issueToken gives a token of somebody else, named by user principal name, application ID or object ID.
func (c Config) issueToken(op *arm.Op) (*arm.Answer, error) {
	body, err := op.Body()
	if err != nil {
		return nil, err
	}
	name := body.String("principal")
	if name == "" {
		return nil, gatehouse.Errorf(gatehouse.Invalid, "PrincipalMissing", "The request names no principal. Give a user principal name, an application ID or an object ID.").At("principal")
	}
	oid, ok := c.find(name)
	if !ok {
		return nil, gatehouse.Errorf(gatehouse.NotFound, "PrincipalNotFound", "There is no user or service principal '%s'. Give a user principal name, an application ID or an object ID.", name).At("principal")
	}
	if err := op.Record("token issued for " + c.describe(oid)); err != nil {
		return nil, err
	}
	token, expires, err := c.IssueToken(op.Context, oid, body.String("resource"))
	if err != nil {
		return nil, err
	}
	return arm.OK(jsondoc.NewObject("accessToken", token, "expiresOn", expires.UTC().Format(time.RFC3339), "principalId", oid.String())), nil
}

func (c Config) find(name string) (gatehouse.GUID, bool) {
	if oid, ok := c.Directory.UserByName(name); ok {
		return oid, true
	}
	if oid, ok := c.Directory.ServicePrincipalByName(name); ok {
		return oid, true
	}
	oid, err := gatehouse.ParseGUID(name)
	if err != nil {
		return oid, false
	}
	p, ok := c.Directory.Principal(oid)
	return oid, ok && p.Type != gatehouse.Group
}

// describe names a principal for the record.
func (c Config) describe(oid gatehouse.GUID) string {
	p, ok := c.Directory.Principal(oid)
	switch {
	case ok && p.Type == gatehouse.User:
		return p.Name + " (" + oid.String() + ")"
	case ok && p.DisplayName != "":
		return p.DisplayName + " (" + oid.String() + ")"
	}
	return oid.String()
}

// rotateKeys makes new keys; with revokeTokens it also withdraws the signing keys, and every token with them.
func (c Config) rotateKeys(op *arm.Op) (*arm.Answer, error) {
	body, err := op.Body()
	if err != nil {
		return nil, err
	}
	note, steps := "keys rotated", []func(context.Context) error{c.RotateKeys}
	if body.Bool("revokeTokens") {
		note, steps = "keys rotated, tokens revoked", append(steps, c.RevokeKeys)
	}
	if err := op.Record(note); err != nil {
		return nil, err
	}
	for _, step := range steps {
		if err := step(op.Context); err != nil {
			return nil, err
		}
	}
	return &arm.Answer{Status: 204}, nil
}
