// Package record writes down calls of a gateway so that they can be made again (package gateway/replay): what the client
// sent, who they were found to be, what was asked of backends and what those answered, and the final answer.
//
// It promises: a call that is not recorded costs nothing; one that is never waits for its record: what does not fit into a
// bounded queue is dropped and counted. No key, token, cookie or secret named value stands in a record: references stand in
// their place, which only somebody who has the configuration can resolve (Mask). Of tokens the claims are kept and whether the
// signature was good, never the signature. Files are for their owner alone and do not grow beyond what they are told.
package record
