package builtin

// The data actions of calling APIs through the gateway (gateway.md 13). Azure has
// no such actions, so they stand in a namespace of our own. They are checked at
// the called operation, {service}/apis/{api}/operations/{operation}, so that an
// assignment at the API, the service or above covers it.
const (
	// CallRead is the right to call with GET, HEAD or OPTIONS.
	CallRead = "Gatehouse.Gateway/apis/operations/read"
	// CallInvoke is the right to call with any other method.
	CallInvoke = "Gatehouse.Gateway/apis/operations/invoke/action"
)

// callSettings are the actions on the setting that says how calls are checked.
var callSettings = []string{"Gatehouse.Gateway/roleChecks/read", "Gatehouse.Gateway/roleChecks/write", "Gatehouse.Gateway/roleChecks/delete"}
