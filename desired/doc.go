// Package desired is access as code: files that say which roles, role assignments,
// groups and deny assignments there should be, compared with what there is.
//
// It promises a plan that is the same for the same files and the same state, in an
// order in which nobody loses a right before its replacement is there, and that says
// what it means for people. What a file does not govern it leaves alone. It talks to
// no server: reading the state and making the calls is for others, with the rights of
// whoever asks.
package desired
