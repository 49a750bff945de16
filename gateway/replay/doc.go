// Package replay makes recorded calls (package gateway/record) again, by configuration and rights as they are and as somebody
// would have them, and tells what would differ: before anything is saved.
//
// It promises: nothing goes over the network and nothing is written. Backends answer what they answered then; a request that
// the recording does not have is told of and not sent. Each call runs through the real gateway at the time it was made, with
// counters and caches that are empty at first. What differs between two runs of the same configuration is not told as a
// difference. Who called follows from the token's claims; whether its signature was good is taken from the recording, by the key
// that made it, and where the recording does not know, it was not. Rights are decided anew.
package replay
