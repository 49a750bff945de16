package apim

import (
	"cmp"
	"crypto/sha1"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"gatehouse"
	"gatehouse/arm"
	"gatehouse/jsondoc"
	"gatehouse/store"
)

// tenant/configuration saves what is in a service to a branch, checks a branch, and
// makes the service what a branch says (apim-control-plane.md 2.8). Branches are
// documents of ours, one per branch with its files; nothing speaks git. A deployment
// is one transaction of the usual writes, each of which the caller needs the right to
// make, and leaves what was there before in the branch ConfigurationBackup.

const (
	branchType = serviceType + "/configurationBranches"
	stateType  = serviceType + "/tenantConfiguration"

	backupBranch   = "ConfigurationBackup"
	keptOperations = 20
)

var configurationBody = arm.NewModel(`
	properties.branch string required min=1 max=100 pattern=^[A-Za-z0-9][A-Za-z0-9._-]*$
	properties.force  bool
`)

// tenantCalls are the reads below tenant/configuration.
func tenantCalls() []arm.Call {
	base := string(arm.AtGroup) + "/providers/" + serviceType + "/{serviceName}/tenant/{configurationName}"
	return []arm.Call{
		{Method: "GET", Path: base + "/syncState", Action: serviceType + "/tenant/syncState/read", Do: syncState},
		{Method: "GET", Path: base + "/operationResults/{operationId}", Action: serviceType + "/tenant/operationResults/read", Do: configurationResult},
	}
}

// job is one save, validation or deployment on its way.
type job struct {
	op      *arm.Op
	service gatehouse.ID
	branch  string
	force   bool
	id      string
	changed string          // when the service was changed last, for one that saves it
	log     []jsondoc.Value // what a deployment did
}

func newJob(op *arm.Op) (*job, error) {
	body, err := op.Body()
	if err != nil {
		return nil, err
	}
	r := &arm.Resource{Body: body.Clone()}
	if faults := configurationBody.Settle(r, nil); len(faults) > 0 {
		return nil, validationError(faults)
	}
	j := &job{op: op, branch: r.Props().String("branch"), force: r.Props().Bool("force"), id: gatehouse.NewGUID().Hex()}
	service, err := configuredService(op)
	if err != nil {
		return nil, err
	}
	j.service = service.ID
	return j, nil
}

// configuredService is the service whose configuration a request is about.
func configuredService(op *arm.Op) (*arm.Resource, error) {
	if err := op.Exists(op.Store(), serviceOf(op.ID)); err != nil {
		return nil, err
	}
	if !strings.EqualFold(op.ID.Name(), "configuration") && op.Route.Type == nil && !strings.EqualFold(op.Params["configurationName"], "configuration") {
		return nil, notFound("TenantConfiguration")
	}
	service, err := op.Load(op.Store(), serviceOf(op.ID))
	if err != nil {
		return nil, err
	}
	return service, inTier(service, "classic")
}

func saveConfiguration(op *arm.Op) (*arm.Answer, error) {
	j, err := newJob(op)
	if err != nil {
		return nil, err
	}
	state, err := configurationState(op, op.Store(), j.service)
	if err != nil {
		return nil, err
	}
	if j.changed, err = lastChange(op, state, j.service); err != nil {
		return nil, err
	}
	var info string
	err = op.Write(nil, func(tx *store.Tx) error {
		files, err := capture(op, tx, j.service)
		if err != nil {
			return err
		}
		commit, err := j.commit(tx, j.branch, files)
		if err != nil {
			return err
		}
		info = fmt.Sprintf("The configuration was successfully saved to %s as commit %s.", j.branch, commit)
		return j.synced(tx, commit, true, info)
	})
	return j.answer(info, err)
}

func validateConfiguration(op *arm.Op) (*arm.Answer, error) {
	j, err := newJob(op)
	if err != nil {
		return nil, err
	}
	const info = "Validation is successful"
	undo := errors.New("nothing is to be kept")
	_, err = j.deploy(func(*store.Tx, string) error { return undo })
	if errors.Is(err, undo) {
		err = op.Write(nil, func(tx *store.Tx) error { return j.keep(tx, j.result(info, nil)) })
	}
	return j.answer(info, err)
}

func deployConfiguration(op *arm.Op) (*arm.Answer, error) {
	j, err := newJob(op)
	if err != nil {
		return nil, err
	}
	info, err := j.deploy(func(tx *store.Tx, info string) error {
		return j.synced(tx, strings.Fields(info)[2], false, info)
	})
	return j.answer(info, err)
}

// deploy makes the service what the branch says, in one transaction that done ends.
func (j *job) deploy(done func(tx *store.Tx, info string) error) (info string, err error) {
	steps, commit, err := j.plan()
	if err != nil {
		return "", err
	}
	err = j.op.Write(nil, func(tx *store.Tx) error {
		before, err := capture(j.op, tx, j.service)
		if err != nil {
			return err
		}
		if _, err := j.commit(tx, backupBranch, before); err != nil {
			return err
		}
		for _, s := range steps {
			if _, err := s.op.RunWithin(j.op); err != nil {
				return s.failed(err)
			}
			j.log = append(j.log, object("objectType", s.noun, "action", s.verb, "objectKey", s.key))
		}
		info = fmt.Sprintf("Latest commit %s was successfully deployed from %s. Objects created: %d, updated: %d, deleted: %d. Previous configuration was saved to the '%s' branch.",
			commit, j.branch, count(steps, "Created"), count(steps, "Updated"), count(steps, "Deleted"), backupBranch)
		return done(tx, info)
	})
	return info, err
}

func count(steps []*step, verb string) (n int) {
	for _, s := range steps {
		if s.verb == verb {
			n++
		}
	}
	return n
}

// commit writes files to a branch, unless the branch has just these, and returns the commit's name.
func (j *job) commit(tx *store.Tx, branch string, files []file) (string, error) {
	id := j.service.Child("configurationBranches", branch)
	old, err := j.op.Load(tx, id)
	if err != nil && gatehouse.KindOf(err) != gatehouse.NotFound {
		return "", err
	}
	list := make([]jsondoc.Value, len(files))
	for i, f := range files {
		list[i] = object("path", f.path, "text", f.text)
	}
	parent := ""
	if old != nil {
		parent = old.Body.String("commit")
		if had, _ := old.Body.Get("files"); jsondoc.Equal(had, list) {
			return parent, nil
		}
	}
	next := &arm.Resource{ID: id, Type: branchType, Body: object("parent", parent, "date", gatehouse.Timestamp(j.op.Now), "author", j.op.Caller.ID.String(), "files", list)}
	sum := sha1.Sum(jsondoc.Marshal(next.Body)) // a name in git's form, no protection
	commit := hex.EncodeToString(sum[:])
	next.Body.Set("commit", commit)
	return commit, j.op.Save(tx, next)
}

// state is what is known of the last synchronization; its body is empty before the first.
func configurationState(op *arm.Op, r store.Reader, service gatehouse.ID) (*arm.Resource, error) {
	id := service.Child("tenantConfiguration", "state")
	state, err := op.Load(r, id)
	if gatehouse.KindOf(err) == gatehouse.NotFound {
		return &arm.Resource{ID: id, Type: stateType, Body: object()}, nil
	}
	return state, err
}

// synced records that service and branch have become the same.
func (j *job) synced(tx *store.Tx, commit string, export bool, info string) error {
	state, err := configurationState(j.op, tx, j.service)
	if err != nil {
		return err
	}
	changed := j.changed
	if !export {
		changed = gatehouse.Timestamp(tx.Now())
	}
	for _, each := range [][2]jsondoc.Value{{"branch", j.branch}, {"commitId", commit}, {"isExport", export},
		{"syncDate", gatehouse.Timestamp(tx.Now())}, {"configurationChangeDate", changed}, {"lastOperationId", j.id}} {
		state.Body.Set(each[0].(string), each[1])
	}
	if err := j.op.Save(tx, state); err != nil {
		return err
	}
	return j.keep(tx, j.result(info, nil))
}

// result is the outcome of a job, as the service words it.
func (j *job) result(info string, failure *gatehouse.Error) *jsondoc.Object {
	now := gatehouse.Timestamp(j.op.Now)
	out := object("id", j.id, "status", "Succeeded", "started", now, "updated", now, "resultInfo", info, "error", nil, "actionLog", append([]jsondoc.Value{}, j.log...))
	if failure != nil {
		out.Set("status", "Failed")
		out.Set("resultInfo", nil)
		out.Set("error", arm.ErrorBody(failure).Object("error"))
		out.Set("actionLog", []jsondoc.Value{})
	}
	return out
}

// keep remembers an outcome; the oldest ones go.
func (j *job) keep(tx *store.Tx, result *jsondoc.Object) error {
	state, err := configurationState(j.op, tx, j.service)
	if err != nil {
		return err
	}
	all := append([]jsondoc.Value{result}, state.Body.Array("operations")...)
	state.Body.Set("operations", all[:min(len(all), keptOperations)])
	return j.op.Save(tx, state)
}

// answer is the 202 of a job that was done, also of one that came to nothing: its result
// says so, where clients look for it. What the caller may not do is refused at once.
func (j *job) answer(info string, err error) (*arm.Answer, error) {
	result := j.result(info, nil)
	if err != nil {
		var failure *gatehouse.Error
		if !errors.As(err, &failure) || !expected(failure) {
			return nil, err
		}
		result = j.result("", failure)
		if err := j.op.Write(nil, func(tx *store.Tx) error { return j.keep(tx, result) }); err != nil {
			return nil, err
		}
	}
	out := j.wire(result)
	a, err := j.op.Finished(&arm.Answer{Status: http.StatusAccepted, Body: out}, object("properties", result))
	if err != nil {
		return nil, err
	}
	return a.With("Location", j.op.URL(resultID(j.service, j.id))), nil
}

func resultID(service gatehouse.ID, id string) string {
	return service.String() + "/tenant/configuration/operationResults/" + id
}

// wire is a result as a resource; before 2021 it was one without an envelope.
func (j *job) wire(result *jsondoc.Object) *jsondoc.Object {
	return enveloped(j.op, resultID(j.service, j.id), result)
}

func enveloped(op *arm.Op, id string, properties *jsondoc.Object) *jsondoc.Object {
	if op.Version < "2021" {
		return properties
	}
	kind := serviceType + "/tenant/operationResults"
	if strings.HasSuffix(id, "/syncState") {
		kind = serviceType + "/tenant/syncState"
	}
	return object("id", id, "type", kind, "name", lastPart(id), "properties", properties)
}

func configurationResult(op *arm.Op) (*arm.Answer, error) {
	service, err := configuredService(op)
	if err != nil {
		return nil, err
	}
	state, err := configurationState(op, op.Store(), service.ID)
	if err != nil {
		return nil, err
	}
	for _, v := range state.Body.Array("operations") {
		if result, ok := v.(*jsondoc.Object); ok && strings.EqualFold(result.String("id"), op.Params["operationId"]) {
			return arm.OK(enveloped(op, resultID(service.ID, result.String("id")), result)), nil
		}
	}
	return nil, notFound("OperationResult")
}

// syncState says what the last synchronization was and whether the service has changed since.
func syncState(op *arm.Op) (*arm.Answer, error) {
	service, err := configuredService(op)
	if err != nil {
		return nil, err
	}
	state, err := configurationState(op, op.Store(), service.ID)
	if err != nil {
		return nil, err
	}
	git, err := op.Load(op.Store(), service.ID.Child("tenant", "gitAccess"))
	if err != nil {
		return nil, err
	}
	changed, err := lastChange(op, state, service.ID)
	if err != nil {
		return nil, err
	}
	member := func(name string) jsondoc.Value { v, _ := state.Body.Get(name); return v }
	branch, last, synced := state.Body.String("branch"), jsondoc.Value(nil), state.Body.String("syncDate")
	if branch == "" {
		branch = "master"
	}
	if id := state.Body.String("lastOperationId"); id != "" {
		last = "/tenant/configuration/operationResults/" + id
	}
	return arm.OK(enveloped(op, service.ID.String()+"/tenant/configuration/syncState", object("branch", branch, "commitId", member("commitId"),
		"isExport", state.Body.Bool("isExport"), "isSynced", synced != "" && synced >= changed, "isGitEnabled", git.Props().Bool("enabled"),
		"syncDate", member("syncDate"), "configurationChangeDate", cmp.Or(changed, gatehouse.Timestamp(service.Created)), "lastOperationId", last))), nil
}

// lastChange is when something was written or deleted that a configuration holds. Only
// what happened after the last synchronization has to be looked at.
func lastChange(op *arm.Op, state *arm.Resource, service gatehouse.ID) (string, error) {
	scope, known := service.Scope(), state.Body.String("configurationChangeDate")
	q := store.ChangeQuery{Under: &scope, Descending: true}
	changes, err := op.Server.Store.Changes(op.Context, q)
	if err != nil {
		return "", err
	}
	synced := state.Body.String("syncDate")
	for c, err := range changes {
		if err != nil {
			return "", err
		}
		at := gatehouse.Timestamp(c.Time)
		if synced != "" && at <= synced {
			return known, nil
		}
		inConfiguration := slices.ContainsFunc(configured, func(t string) bool { return strings.EqualFold(c.Type, serviceType+"/"+t) })
		if inConfiguration && (c.Kind == gatehouse.Write || c.Kind == gatehouse.Delete) {
			return at, nil
		}
	}
	return known, nil
}
