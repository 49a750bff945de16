package world

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"

	"gatehouse"
	"gatehouse/directory"
	"gatehouse/jsondoc"
)

// Get asks a server with the caller's own rights: a path with its query below the
// server's address, or the whole address of a next page.
type Get func(ctx context.Context, path string) (*jsondoc.Object, error)

// FromServer is the world that a running server shows to one caller, read by ordinary
// Resource Manager and Graph calls; it works against any server that speaks them. What
// the caller may not list fails the whole, since a world with holes answers wrongly.
// Grants that ownership of directory objects stands for are not in it.
func FromServer(ctx context.Context, get Get) (*World, error) {
	f := &fetcher{ctx: ctx, get: get}
	f.b.w.Complete = true
	tops := f.containers()
	f.section("roleDefinitions", "/providers/Microsoft.Authorization/roleDefinitions?api-version=2022-05-01-preview&$filter="+url.QueryEscape("atScopeAndBelow()"))
	for _, top := range append([]string{""}, tops...) {
		filter := ""
		if top == "" {
			filter = "&$filter=" + url.QueryEscape("atScope()")
		}
		f.section("roleAssignments", top+"/providers/Microsoft.Authorization/roleAssignments?api-version=2022-04-01"+filter)
		f.section("denyAssignments", top+"/providers/Microsoft.Authorization/denyAssignments?api-version=2022-04-01"+filter)
	}
	f.section("users", "/v1.0/users?$top=999&$select=id,userPrincipalName,displayName,mail,accountEnabled")
	f.section("servicePrincipals", "/v1.0/servicePrincipals?$top=999")
	for _, g := range f.section("groups", "/v1.0/groups?$top=999") {
		id := g.String("id")
		f.members(id, "members")
		f.members(id, "owners")
	}
	f.directoryRoles()
	if f.err != nil {
		return nil, f.err
	}
	return f.b.World()
}

type fetcher struct {
	ctx context.Context
	get Get
	b   Builder
	err error
}

// fail says what could not be read; the server's error keeps its kind.
func (f *fetcher) fail(path string, err error) {
	path, _, _ = strings.Cut(path, "?")
	e := gatehouse.Errorf(gatehouse.KindOf(err), gatehouse.CodeOf(err), "Reading %s: %v", path, err)
	if own := (*gatehouse.Error)(nil); errors.As(err, &own) {
		e.Message = "Reading " + path + ": " + own.Message
	}
	f.err = e
	if e.Kind == gatehouse.Internal {
		f.err = fmt.Errorf("reading %s: %w", path, err)
	}
}

// list reads all pages.
func (f *fetcher) list(path string) (items []*jsondoc.Object) {
	for path != "" && f.err == nil {
		page, err := f.get(f.ctx, path)
		if err != nil {
			f.fail(path, err)
			return nil
		}
		for _, v := range page.Array("value") {
			if o, ok := v.(*jsondoc.Object); ok {
				items = append(items, o)
			}
		}
		if path = page.String("nextLink"); path == "" {
			link, _ := page.Get("@odata.nextLink")
			path, _ = link.(string)
		}
	}
	return items
}

func (f *fetcher) section(name, path string) []*jsondoc.Object {
	items := f.list(path)
	f.b.AddObject(&File{Name: path}, jsondoc.NewObject(name, values(items)))
	return items
}

func values(items []*jsondoc.Object) []jsondoc.Value {
	list := make([]jsondoc.Value, len(items))
	for i, o := range items {
		list[i] = o
	}
	return list
}

// containers reads management groups and subscriptions and where they hang.
func (f *fetcher) containers() (tops []string) {
	for _, g := range f.list("/providers/Microsoft.Management/managementGroups?api-version=2020-05-01") {
		path := g.String("id")
		tops = append(tops, path)
		if f.err != nil {
			return nil
		}
		one, err := f.get(f.ctx, path+"?api-version=2020-05-01&$expand=children")
		if err != nil {
			f.fail(path, err)
			return nil
		}
		f.b.node(&File{Name: path}, one).managementGroup(gatehouse.Scope{})
	}
	for _, s := range f.list("/subscriptions?api-version=2022-12-01") {
		tops = append(tops, s.String("id"))
	}
	return tops
}

func (f *fetcher) members(group, what string) {
	ids := []jsondoc.Value{}
	for _, m := range f.list("/v1.0/groups/" + group + "/" + what + "?$select=id&$top=999") {
		ids = append(ids, m.String("id"))
	}
	f.b.AddObject(&File{Name: group}, jsondoc.NewObject("groups", []jsondoc.Value{jsondoc.NewObject("id", group, what, ids)}))
}

func (f *fetcher) directoryRoles() {
	grants := f.list("/v1.0/roleManagement/directory/roleAssignments")
	for _, g := range grants {
		g.Set("scope", directory.RootPath)
		g.Set("name", g.String("id"))
		g.Delete("id")
	}
	f.b.AddObject(&File{Name: "directory roles"}, jsondoc.NewObject("roleAssignments", values(grants)))
}
