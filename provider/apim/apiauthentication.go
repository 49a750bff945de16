package apim

import (
	"slices"

	"gatehouse"
	"gatehouse/arm"
	"gatehouse/jsondoc"
	"gatehouse/store"
)

// How callers of an API authenticate may be written as one setting, oAuth2 or openid, or
// as lists of them. The lists came with api-version 2022-08-01, which shows both; clients
// that send back what they read are understood.
var authentications = []struct{ one, list, member, family string }{
	{"oAuth2", "oAuth2AuthenticationSettings", "authorizationServerId", "authorizationServers"},
	{"openid", "openidAuthenticationSettings", "openidProviderId", "openidConnectProviders"},
}

const listsSince = "2022-08-01"

// checkAuthentication keeps either single settings or lists, and wants what they name to be there:
// for a workspace, only if the caller may read it, or the API has named it before (apim-control-plane.md 1.10).
func checkAuthentication(op *arm.Op, r store.Reader, old, next *arm.Resource) error {
	settings := next.Props().Object("authenticationSettings")
	singles, lists := 0, 0
	for _, a := range authentications {
		one, list := settings.Object(a.one), settings.Array(a.list)
		switch {
		case len(list) == 0:
			settings.Delete(a.list)
			if one != nil {
				singles++
			}
		case one != nil && !jsondoc.Equal(one, list[0]):
			return validation("authenticationSettings", "%s and %s cannot be combined; send one of them", a.one, a.list)
		case one != nil && len(list) == 1: // as it is read
			settings.Delete(a.list)
			lists++
		default:
			settings.Delete(a.one)
		}
		for _, name := range signIns(settings, a.one, a.list, a.member) {
			id := serviceOf(next.ID).Child(a.family, lastPart(name))
			err := namesThere(op, r, id, name, a.member)
			named := old != nil && slices.Contains(signIns(old.Props().Object("authenticationSettings"), a.one, a.list, a.member), name)
			if err == nil && sent(op, "properties.authenticationSettings") && !named && !mayRefer(op, next.ID, id) {
				err = noSignIn(name, a.member)
			}
			if err != nil {
				return err
			}
		}
	}
	if singles == 2 && lists == 0 {
		return validation("authenticationSettings", "oAuth2 and openid cannot be combined; send the lists oAuth2AuthenticationSettings and openidAuthenticationSettings")
	}
	return nil
}

// signIns lists what settings name, "" where they leave it out.
func signIns(settings *jsondoc.Object, one, list, member string) (names []string) {
	each := settings.Array(list)
	if o := settings.Object(one); o != nil {
		each = []jsondoc.Value{o}
	}
	for _, v := range each {
		o, _ := v.(*jsondoc.Object)
		names = append(names, o.String(member))
	}
	return names
}

func namesThere(op *arm.Op, r store.Reader, id gatehouse.ID, name, member string) error {
	if name == "" {
		return validation("authenticationSettings", "%s is required", member)
	}
	_, err := r.Get(op.Context, id.Scope())
	if gatehouse.KindOf(err) == gatehouse.NotFound {
		return noSignIn(name, member)
	}
	return err
}

func noSignIn(name, member string) error {
	return validation("authenticationSettings", "'%s' in %s does not exist; create it first", name, member)
}

// showAuthentication always shows the settings, unset ones as null: Terraform reads them without asking whether they are there.
func showAuthentication(op *arm.Op, props *jsondoc.Object) {
	settings := props.Object("authenticationSettings")
	if settings == nil {
		settings = object()
		props.Set("authenticationSettings", settings)
	}
	for _, a := range authentications {
		one, list := settings.Object(a.one), settings.Array(a.list)
		settings.Delete(a.one)
		settings.Delete(a.list)
		switch {
		case one != nil:
			list = []jsondoc.Value{one.Clone()}
			settings.Set(a.one, one)
		case len(list) > 0:
			settings.Set(a.one, jsondoc.Clone(list[0]))
		default:
			list = []jsondoc.Value{}
			settings.Set(a.one, nil)
		}
		if op.Version >= listsSince {
			settings.Set(a.list, list)
		}
	}
}
