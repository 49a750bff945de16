package undo

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"gatehouse"
	"gatehouse/directory"
	"gatehouse/jsondoc"
)

// revived says in words what an undo would bring back alive that somebody may still hold:
// client secrets and certificates, federated credentials, passwords, keys and other secret
// values that are not there now. It holds no secret.
func (o *object) revived() []string {
	if o.before == nil {
		return nil
	}
	before, _ := jsondoc.ParseObject(o.before.Body) // what cannot be read names nothing
	after, _ := jsondoc.ParseObject(o.after)
	var out []string
	switch gatehouse.Fold(o.typ) {
	case gatehouse.Fold(directory.FederatedType):
		if o.after == nil || string(o.after) != string(o.before.Body) {
			out = append(out, fmt.Sprintf("federated credential %q", cmp.Or(text(before, "name"), o.id.Name())))
		}
		return out
	case gatehouse.Fold(directory.ApplicationType), gatehouse.Fold(directory.ServicePrincipalType):
		out = append(credentials(before, after, "passwordCredentials", "client secret"), credentials(before, after, "keyCredentials", "certificate")...)
		if len(out) > 0 {
			return out
		}
	}
	var names []string
	now := leaves(o.secret)
	for path, value := range leaves(o.before.Secret) {
		if have, ok := now[path]; !ok || have != value {
			names = append(names, path)
		}
	}
	if len(names) == 0 {
		return nil
	}
	if slices.Sort(names); gatehouse.EqualFold(o.typ, directory.UserType) {
		return []string{"password"}
	}
	return []string{"secret values " + strings.Join(names, ", ")}
}

func text(o *jsondoc.Object, path string) string {
	if o == nil {
		return ""
	}
	return o.String(path)
}

// credentials are those of a list that are not in it any more, by their key IDs.
func credentials(before, after *jsondoc.Object, list, what string) (out []string) {
	have := map[string]bool{}
	for _, o := range []*jsondoc.Object{after, before} {
		if o == nil {
			continue
		}
		for _, v := range o.Array(list) {
			c, _ := v.(*jsondoc.Object)
			id := text(c, "keyId")
			if o == before && !have[id] {
				out = append(out, strings.TrimSpace(what+" "+cmp.Or(text(c, "displayName"), id)))
			}
			have[id] = true
		}
	}
	return out
}

// leaves are the values of a sealed document by their paths.
func leaves(secret []byte) map[string]string {
	out := map[string]string{}
	if len(secret) == 0 {
		return out
	}
	v, err := jsondoc.Parse(secret, jsondoc.Options{})
	if err != nil {
		return map[string]string{"": string(secret)}
	}
	var walk func(path string, v jsondoc.Value)
	walk = func(path string, v jsondoc.Value) {
		if o, ok := v.(*jsondoc.Object); ok {
			for name, inner := range o.All() {
				walk(strings.TrimPrefix(path+"."+name, "."), inner)
			}
			return
		}
		out[path] = string(jsondoc.Marshal(v))
	}
	walk("", v)
	return out
}

// confirmed refuses to bring secrets back alive unless that was asked for.
func (q *Request) confirmed(effects []Effect) error {
	if q.Dry || q.Revive {
		return nil
	}
	e := gatehouse.Errorf(gatehouse.Conflict, "SecretsRevived", "")
	var words []string
	for _, f := range effects {
		if !f.Secrets {
			continue
		}
		said := cmp.Or(strings.Join(f.Revives, ", "), "secrets")
		words = append(words, said)
		e.Details = append(e.Details, gatehouse.Errorf(gatehouse.Conflict, "SecretsRevived", "%s of %s", said, f.Resource).At(f.Resource))
	}
	if len(words) == 0 {
		return nil
	}
	const most = 5
	if len(words) > most {
		words = append(words[:most], fmt.Sprintf("%d more", len(words)-most))
	}
	e.Message = fmt.Sprintf("This would bring back alive what somebody may still hold: %s. Look at it with a dry run, confirm it with reviveSecrets (--revive-secrets), and replace them afterwards.", strings.Join(words, "; "))
	return e
}
