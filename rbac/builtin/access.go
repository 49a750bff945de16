package builtin

// The actions of Gatehouse.Access that look at or write for the whole installation. All
// are asked for at the root; what such a call shows besides takes the rights to read that.
// Questions about access, plans and undoing have no action of their own: what they show
// and do is authorized piece by piece.
const (
	// ReadReports is the right to have bundles of evidence made.
	ReadReports = "Gatehouse.Access/reports/read"
	// ReadCheckpoints is the right to list the checkpoints of the log.
	ReadCheckpoints = "Gatehouse.Access/checkpoints/read"
	// WriteCheckpoints is the right to have one signed.
	WriteCheckpoints = "Gatehouse.Access/checkpoints/write"
	// VerifyLog is the right to have the log recomputed and compared with checkpoints.
	VerifyLog = "Gatehouse.Access/log/verify/action"
)

var accessActions = []string{ReadReports, ReadCheckpoints, WriteCheckpoints, VerifyLog}
