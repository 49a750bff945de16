package siem

import (
	"fmt"
	"strings"

	"gatehouse"
)

// event is a change as the Open Cybersecurity Schema Framework 1.3.0 has it
// (schema.ocsf.io): Authentication 3002 for sign-ins, Account Change 3001, Group
// Management 3006 and User Access Management 3005 for what changes people and their
// access, API Activity 6003 for the rest and for refusals.
type event struct {
	ActivityID  int          `json:"activity_id"`
	Activity    string       `json:"activity_name"`
	CategoryUID int          `json:"category_uid"`
	ClassUID    int          `json:"class_uid"`
	Class       string       `json:"class_name"`
	TypeUID     int          `json:"type_uid"`
	Time        int64        `json:"time"` // milliseconds since 1970
	SeverityID  int          `json:"severity_id"`
	Severity    string       `json:"severity"`
	StatusID    int          `json:"status_id"`
	Status      string       `json:"status"`
	StatusCode  string       `json:"status_code,omitempty"`
	Detail      string       `json:"status_detail,omitempty"`
	Message     string       `json:"message"`
	Metadata    metadata     `json:"metadata"`
	Actor       actor        `json:"actor"`
	User        *user        `json:"user,omitempty"`
	Group       *named       `json:"group,omitempty"`
	Privileges  []string     `json:"privileges,omitempty"`
	Source      *endpoint    `json:"src_endpoint,omitempty"`
	API         api          `json:"api"`
	HTTP        *httpRequest `json:"http_request,omitempty"`
	Resources   []resource   `json:"resources,omitempty"`
	Unmapped    unmapped     `json:"unmapped"`
}

type (
	metadata struct {
		Version     string  `json:"version"`
		Product     product `json:"product"`
		UID         string  `json:"uid"`
		Sequence    int64   `json:"sequence"`
		Correlation string  `json:"correlation_uid,omitempty"`
		LogName     string  `json:"log_name"`
	}
	product struct {
		Name    string `json:"name"`
		Vendor  string `json:"vendor_name"`
		Version string `json:"version"`
	}
	actor struct {
		User user `json:"user"`
	}
	user struct {
		UID    string `json:"uid,omitempty"`
		Name   string `json:"name,omitempty"`
		Type   string `json:"type"`
		TypeID int    `json:"type_id"`
	}
	named struct {
		UID string `json:"uid"`
	}
	endpoint struct {
		IP string `json:"ip"`
	}
	api struct {
		Operation string      `json:"operation"`
		Request   requestID   `json:"request"`
		Service   serviceName `json:"service"`
	}
	requestID struct {
		UID string `json:"uid"`
	}
	serviceName struct {
		Name string `json:"name"`
	}
	httpRequest struct {
		Method string `json:"http_method"`
	}
	resource struct {
		UID  string `json:"uid"`
		Type string `json:"type,omitempty"`
	}
	// unmapped is what OCSF has no place for.
	unmapped struct {
		Hash   string `json:"hash"`
		Reason string `json:"reason,omitempty"`
		Note   string `json:"note,omitempty"`
		Grant  string `json:"role_assignment,omitempty"`
		Role   string `json:"role_definition,omitempty"`
		Deny   string `json:"deny_assignment,omitempty"`
		Method string `json:"sign_in_method,omitempty"`
	}
)

// class is an OCSF class with the activity that a change is in it.
type class struct {
	uid      int
	name     string
	activity int
	verb     string
}

func newEvent(version string, c *gatehouse.Change) *event {
	k := classOf(c)
	caller := &c.Cause.Caller
	e := &event{ActivityID: k.activity, Activity: k.verb, CategoryUID: k.uid / 1000, ClassUID: k.uid, Class: k.name, TypeUID: k.uid*100 + k.activity,
		Time: c.Time.UnixMilli(), SeverityID: severity(c), Severity: []string{"Unknown", "Informational", "Low", "Medium"}[severity(c)], StatusID: 1, Status: "Success", Message: message(c),
		Metadata: metadata{Version: "1.3.0", Product: product{"Gatehouse", "Gatehouse", version}, UID: fmt.Sprintf("%d", c.Seq), Sequence: c.Seq, Correlation: c.Cause.Correlation, LogName: "change log"},
		Actor:    actor{userOf(caller)}, API: api{c.Cause.Action, requestID{c.Cause.Operation}, serviceName{namespace(c.Cause.Action)}},
		Unmapped: unmapped{Hash: c.Hash, Reason: c.Cause.Reason, Note: c.Note, Method: caller.Method}}
	if !succeeded(c) {
		e.StatusID, e.Status = 2, "Failure"
	}
	if c.Status != 0 {
		e.StatusCode = fmt.Sprint(c.Status)
	}
	if d := c.Cause.Decision; d != nil {
		e.Detail, e.Unmapped.Grant, e.Unmapped.Role, e.Unmapped.Deny = d.Code, d.Grant, d.Role, d.Deny
	}
	if caller.Address != "" {
		e.Source = &endpoint{caller.Address}
	}
	if c.Cause.Method != "" {
		e.HTTP = &httpRequest{c.Cause.Method}
	}
	if at := where(c); at != "" {
		e.Resources = []resource{{at, c.Type}}
	}
	e.about(k, c)
	return e
}

// about fills the objects that some classes require.
func (e *event) about(k class, c *gatehouse.Change) {
	switch k.uid {
	case 3001:
		e.User = &user{UID: lastSegment(c.Resource), Type: "User", TypeID: 1}
	case 3002:
		e.User = &e.Actor.User
	case 3005:
		e.User, e.Privileges = &user{UID: principalOf(c), Type: "Unknown"}, []string{roleOf(c)}
	case 3006:
		e.Group = &named{UID: groupOf(c.Resource)}
		if k.activity == 3 || k.activity == 4 {
			e.User = &user{UID: lastSegment(c.Resource), Type: "Unknown"}
		}
	}
}

func userOf(c *gatehouse.Caller) user {
	u := user{Name: c.Name, Type: "User", TypeID: 1}
	if !c.ID.IsZero() {
		u.UID = c.ID.String()
	}
	switch c.Type {
	case gatehouse.ServicePrincipal:
		u.Type, u.TypeID = "Service", 4
	case gatehouse.SystemDefined:
		u.Type, u.TypeID = "System", 3
	case gatehouse.User:
	default:
		u.Type, u.TypeID = "Unknown", 0
	}
	return u
}

func classOf(c *gatehouse.Change) class {
	if c.Kind == gatehouse.SignIn {
		return class{3002, "Authentication", 1, "Logon"}
	}
	if c.Kind == gatehouse.Write || c.Kind == gatehouse.Delete {
		if k, ok := accessClass(c); ok {
			return k
		}
	}
	k := class{6003, "API Activity", 99, "Other"}
	action := gatehouse.Fold(c.Cause.Action)
	switch {
	case c.Kind == gatehouse.Write && c.Before == nil:
		k.activity, k.verb = 1, "Create"
	case strings.HasSuffix(action, "/read"):
		k.activity, k.verb = 2, "Read"
	case c.Kind == gatehouse.Write || strings.HasSuffix(action, "/write"):
		k.activity, k.verb = 3, "Update"
	case c.Kind == gatehouse.Delete || strings.HasSuffix(action, "/delete"):
		k.activity, k.verb = 4, "Delete"
	}
	return k
}

// accessClass is the class of a change of people or their access.
func accessClass(c *gatehouse.Change) (class, bool) {
	pick := func(uid int, name string, created, changed, deleted int, verbs ...string) (class, bool) {
		switch {
		case c.Kind == gatehouse.Delete:
			return class{uid, name, deleted, verbs[2]}, true
		case c.Before == nil:
			return class{uid, name, created, verbs[0]}, true
		}
		return class{uid, name, changed, verbs[1]}, true
	}
	switch gatehouse.Fold(c.Type) {
	case "microsoft.authorization/roleassignments":
		return pick(3005, "User Access Management", 1, 99, 2, "Assign Privileges", "Update", "Revoke Privileges")
	case "microsoft.graph/directory/users":
		return pick(3001, "Account Change", 1, 99, 6, "Create", "Update", "Delete")
	case "microsoft.graph/directory/groups":
		return pick(3006, "Group Management", 6, 99, 5, "Create", "Update", "Delete")
	case "microsoft.graph/directory/groups/members":
		return pick(3006, "Group Management", 3, 99, 4, "Add User", "Update", "Remove User")
	}
	return class{}, false
}

func namespace(action string) string { first, _, _ := strings.Cut(action, "/"); return first }

func lastSegment(id string) string { return id[strings.LastIndexByte(id, '/')+1:] }

// groupOf is the group in the ID of a group or of a membership.
func groupOf(id string) string {
	_, rest, _ := strings.Cut(gatehouse.Fold(id), "/groups/")
	group, _, _ := strings.Cut(rest, "/")
	return group
}

func principalOf(c *gatehouse.Change) string { return property(c, "principalId") }

func roleOf(c *gatehouse.Change) string { return lastSegment(property(c, "roleDefinitionId")) }
