// Package audit reads the change log: it verifies the hash chain, exports it,
// and shows it as the activity log that Azure's clients read. It writes nothing.
package audit
