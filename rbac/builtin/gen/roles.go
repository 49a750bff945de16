package main

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
)

type permission struct {
	Actions          []string `json:"actions"`
	NotActions       []string `json:"notActions"`
	DataActions      []string `json:"dataActions"`
	NotDataActions   []string `json:"notDataActions"`
	Condition        string   `json:"condition,omitempty"`
	ConditionVersion string   `json:"conditionVersion,omitempty"`
}

type role struct {
	ID               string       `json:"id"`
	Name             string       `json:"name"`
	Description      string       `json:"description"`
	AssignableScopes []string     `json:"assignableScopes"`
	Permissions      []permission `json:"permissions"`
}

// source is the shape of the table: flat fields, or a permissions array that overrules them.
type source struct {
	Roles []struct {
		permission
		Name             string       `json:"name"`
		RoleName         string       `json:"roleName"`
		RoleType         string       `json:"roleType"`
		Description      string       `json:"description"`
		AssignableScopes []string     `json:"assignableScopes"`
		Permissions      []permission `json:"permissions"`
	} `json:"roles"`
}

func readRoles(path string) ([]role, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var s source
	if err := json.Unmarshal(b, &s); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	var out []role
	for _, r := range s.Roles {
		if r.RoleType != "BuiltInRole" {
			return nil, fmt.Errorf("%s: role %s has type %q, not BuiltInRole", path, r.RoleName, r.RoleType)
		}
		entries := r.Permissions
		if len(entries) == 0 {
			entries = []permission{r.permission}
		}
		for i := range entries {
			tidy(&entries[i])
		}
		out = append(out, role{strings.ToLower(r.Name), r.RoleName, r.Description, r.AssignableScopes, entries})
	}
	slices.SortFunc(out, func(a, b role) int { return cmp.Compare(a.Name, b.Name) })
	return out, nil
}

// tidy sorts the strings of an entry, whose order means nothing, and makes absent lists empty ones.
func tidy(p *permission) {
	for _, list := range []*[]string{&p.Actions, &p.NotActions, &p.DataActions, &p.NotDataActions} {
		*list = append([]string{}, *list...)
		slices.SortFunc(*list, func(a, b string) int {
			return cmp.Or(cmp.Compare(strings.ToLower(a), strings.ToLower(b)), cmp.Compare(a, b))
		})
	}
}

func writeRoles(path string, roles []role) error {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", " ")
	if err := e.Encode(roles); err != nil {
		return err
	}
	return os.WriteFile(path, b.Bytes(), 0o644)
}
