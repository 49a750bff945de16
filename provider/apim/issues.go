package apim

import (
	"encoding/base64"
	"mime"
	"net/http"
	"strings"

	"gatehouse"
	"gatehouse/arm"
	"gatehouse/jsondoc"
	"gatehouse/store"
)

// issues are what users of the developer portal report about an API (apim-control-plane.md 2.2).
func issues() *arm.Type {
	return published("service/apis/issues", `
		properties.title       string required min=1
		properties.description string required min=1
		properties.userId      string required min=1
		properties.state       enum(proposed|open|removed|resolved|closed) default="proposed"
	`, arm.Type{
		Noun: "Issue", Name: arm.NameRule{Max: 256, Pattern: namePattern},
		Hooks: arm.Hooks{Check: checkIssue, Show: showIssue},
		Holds: []*arm.Type{issueComments(), issueAttachments()},
	})
}

// checkIssue settles whose issue it is, since when, and about what: the API that holds it.
func checkIssue(op *arm.Op, tx *store.Tx, old, next *arm.Resource) error {
	next.Props().Set("apiId", next.ID.Parent().String())
	return signed(op, tx, old, next)
}

// signed completes what a user wrote: an id of the user, the date of the first writing.
func signed(op *arm.Op, tx *store.Tx, old, next *arm.Resource) error {
	if !next.Props().Has("createdDate") {
		created := gatehouse.Timestamp(op.Now)
		if old != nil {
			created = old.Props().String("createdDate")
		}
		next.Props().Set("createdDate", created)
	}
	return reference(op, tx, next.ID, next.Props(), "userId", "users")
}

// showIssue adds what was said about an issue when the caller asks for it, and may read that too.
func showIssue(op *arm.Op, r *arm.Resource, out *jsondoc.Object) {
	if !strings.EqualFold(op.Query.Get("expandCommentsAttachments"), "true") {
		return
	}
	parent := r.ID.Scope()
	for _, family := range []string{"comments", "attachments"} {
		if !op.Can(r.Type+"/"+family+"/read", r.ID) {
			continue
		}
		items := []jsondoc.Value{}
		page, err := op.Store().List(op.Context, store.Query{Type: r.Type + "/" + family, Parent: &parent})
		if err != nil {
			continue
		}
		for _, d := range page.Documents {
			if item, err := arm.FromDocument(d); err == nil {
				items = append(items, op.Show(item))
			}
		}
		out.Object("properties").Set(family, items)
	}
}

func issueComments() *arm.Type {
	return published("service/apis/issues/comments", `
		properties.text   string required min=1
		properties.userId string required min=1
	`, arm.Type{Noun: "IssueComment", Name: arm.NameRule{Max: 256, Pattern: namePattern}, Hooks: arm.Hooks{Check: signed}})
}

// issueAttachments come in as base64, or as a link, and go out as a link: what came in
// as base64 is a data link, which needs no second request and no right of its own.
func issueAttachments() *arm.Type {
	return published("service/apis/issues/attachments", `
		properties.title         string required min=1
		properties.contentFormat string required min=1 max=200
		properties.content       string required min=1
	`, arm.Type{
		Noun: "IssueAttachment", Name: arm.NameRule{Max: 256, Pattern: namePattern},
		Hooks: arm.Hooks{Check: checkAttachment, Show: showAttachment},
	})
}

func checkAttachment(_ *arm.Op, _ *store.Tx, _, next *arm.Resource) error {
	props := next.Props()
	format, content := props.String("contentFormat"), props.String("content")
	if strings.EqualFold(format, "link") {
		if !strings.HasPrefix(content, "https://") && !strings.HasPrefix(content, "http://") && !strings.HasPrefix(content, "data:") {
			return validation("content", "content has to be a link, as contentFormat says; it starts with neither https: nor data:")
		}
		props.Set("contentFormat", "link")
		return nil
	}
	media, params, err := mime.ParseMediaType(format)
	if err != nil || !strings.Contains(media, "/") {
		return validation("contentFormat", "contentFormat has to be 'link' or a media type such as image/png; it is '%s'", format)
	}
	props.Set("contentFormat", mime.FormatMediaType(media, params))
	if _, err := base64.StdEncoding.DecodeString(content); err != nil {
		return validation("content", "content has to be base64")
	}
	return nil
}

func showAttachment(_ *arm.Op, _ *arm.Resource, out *jsondoc.Object) {
	props := out.Object("properties")
	if format := props.String("contentFormat"); format != "link" {
		props.Set("content", "data:"+strings.ReplaceAll(format, " ", "")+";base64,"+props.String("content"))
		props.Set("contentFormat", "link")
	}
}

// allIssues are those of all APIs, seen from the service.
func allIssues() *arm.Type {
	return published("service/issues", "", arm.Type{
		Noun: "Issue", Name: arm.NameRule{Max: 256},
		Do:    map[arm.Verb]arm.Handler{arm.List: listIssues, arm.Get: getIssue},
		Hooks: arm.Hooks{Field: issueField},
	})
}

func issuesBelow(service gatehouse.ID) store.Query {
	under := service.Scope()
	return store.Query{Type: service.Type() + "/apis/issues", Under: &under}
}

func listIssues(op *arm.Op) (*arm.Answer, error) {
	if err := op.Exists(op.Store(), op.ID); err != nil {
		return nil, err
	}
	show := func(r *arm.Resource) *jsondoc.Object { return fromService(op, r) }
	return op.PageParts([]arm.Part{{Query: issuesBelow(op.ID), From: func(d *store.Document) (*arm.Resource, error) { return withAuthor(op, d) }}}, show)
}

// withAuthor is an issue with the name of who reported it, for $filter.
func withAuthor(op *arm.Op, d *store.Document) (*arm.Resource, error) {
	issue, err := arm.FromDocument(d)
	if err != nil {
		return nil, err
	}
	if id, err := gatehouse.ParseID(issue.Props().String("userId")); err == nil {
		if user, err := op.Load(op.Store(), id); err == nil {
			issue.Body.Set("author", strings.TrimSpace(user.Props().String("firstName")+" "+user.Props().String("lastName")))
		}
	}
	return issue, nil
}

func issueField(r *arm.Resource, name string) (any, bool) {
	if strings.EqualFold(name, "authorName") {
		return r.Body.String("author"), true
	}
	return nil, false
}

// fromService is an issue under the id that it has at the service.
func fromService(op *arm.Op, issue *arm.Resource) *jsondoc.Object {
	at := *issue
	at.Body = issue.Body.Clone()
	at.Body.Delete("author")
	at.ID, at.Type = serviceOf(issue.ID).Child("issues", issue.ID.Name()), serviceType+"/issues"
	return op.Show(&at)
}

// getIssue finds an issue by its name alone; of two APIs' issues with one name, the first by API.
func getIssue(op *arm.Op) (*arm.Answer, error) {
	if err := op.Exists(op.Store(), op.ID.Parent()); err != nil {
		return nil, err
	}
	q := issuesBelow(op.ID.Parent())
	q.Name, q.Limit = op.ID.Name(), 1
	page, err := op.Store().List(op.Context, q)
	if err != nil {
		return nil, err
	}
	if len(page.Documents) == 0 {
		return nil, notFound("Issue")
	}
	issue, err := arm.FromDocument(page.Documents[0])
	if err != nil {
		return nil, err
	}
	a := &arm.Answer{Status: http.StatusOK, Body: fromService(op, issue)}
	return a.With("ETag", arm.Tag(issue.Revision)), nil
}
