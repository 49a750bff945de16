package lint

import (
	"fmt"

	"gatehouse"
	"gatehouse/world"
)

// secrets calls f with the passwords and certificates of programs; what stands in a federation is no secret.
func (x *inspection) secrets(f func(*world.Principal, world.Secret)) {
	for i := range x.world.Principals {
		p := &x.world.Principals[i]
		for _, s := range p.Secrets {
			if s.Kind != "federated" {
				f(p, s)
			}
		}
	}
}

func (x *inspection) secret(p *world.Principal, s world.Secret, message string) {
	reset := "az ad app credential reset --id " + p.AppID + " --append --years 1"
	if s.Kind == "certificate" {
		reset += " --create-cert"
	}
	x.add(Finding{Message: message, Principal: p.ID, Scope: s.ID, Fix: Fix{Note: "Make a new one, hand it over, then delete the old one with az ad app credential delete --id " + p.AppID + " --key-id " + s.ID, Az: reset}})
}

func (x *inspection) old() {
	x.secrets(func(p *world.Principal, s world.Secret) {
		if age := x.now.Sub(s.Start); s.Kind != "certificate" && !s.Start.IsZero() && age > x.Limits.SecretAge && !x.over(s) {
			x.secret(p, s, fmt.Sprintf("the %s %s of %s is %d days old", kindOf(s), nameOf(s), x.who(p.ID), int(age.Hours()/24)))
		}
	})
}

func (x *inspection) over(s world.Secret) bool { return !s.End.IsZero() && !x.now.Before(s.End) }

func (x *inspection) expiring() {
	x.secrets(func(p *world.Principal, s world.Secret) {
		if !s.End.IsZero() && !x.over(s) && s.End.Sub(x.now) < x.Limits.Expiring {
			x.secret(p, s, fmt.Sprintf("the %s %s of %s expires %s, in %s", kindOf(s), nameOf(s), x.who(p.ID), day(s.End), plural(int(s.End.Sub(x.now).Hours()/24), "day", "days")))
		}
	})
}

func (x *inspection) leftover() {
	x.secrets(func(p *world.Principal, s world.Secret) {
		if x.over(s) {
			x.add(Finding{Message: fmt.Sprintf("the %s %s of %s expired %s and is still there", kindOf(s), nameOf(s), x.who(p.ID), day(s.End)), Principal: p.ID, Scope: s.ID,
				Fix: Fix{Az: "az ad app credential delete --id " + p.AppID + " --key-id " + s.ID}})
		}
	})
}

func kindOf(s world.Secret) string { return orElse(s.Kind, "secret") }
func nameOf(s world.Secret) string { return orElse(s.Name, s.ID) }

// secretful finds programs with access that sign in with a password, where a managed identity or a federation has none to lose.
func (x *inspection) secretful() {
	holds := map[gatehouse.GUID]bool{}
	x.each(func(a *world.Assignment) { holds[a.Principal] = true })
	for i := range x.world.Principals {
		p := &x.world.Principals[i]
		if p.Type != gatehouse.ServicePrincipal || p.Kind == "ManagedIdentity" || !holds[p.ID] {
			continue
		}
		for _, s := range p.Secrets {
			if s.Kind != "federated" && s.Kind != "certificate" && !x.over(s) {
				x.add(Finding{Message: fmt.Sprintf("%s signs in with a password, where a managed identity or a federated credential would do", x.who(p.ID)), Principal: p.ID,
					Fix: Fix{Note: "Where it runs on Azure: az identity create, and give it the same roles; in a pipeline:", Az: "az ad app federated-credential create --id " + orElse(p.AppID, p.ID.String()) + " --parameters federation.json"}})
				break
			}
		}
	}
}
