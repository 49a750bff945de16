// Package gateway is the data plane: it takes calls of APIs, finds out where they belong, runs
// their policies (package pipeline) and answers (gateway.md 1 to 7, 16).
//
// It promises: a call sees one immutable Plan from beginning to end; a saved change makes the next
// Plan out of the last one, building again only what the change is about; nothing is compiled twice
// for one version of a document. What cannot be understood closes: a policy that does not compile
// fails its calls, a key that is not active opens nothing.
//
// It leaves to others: what configuration there is (gateway/config, gateway/feed), who a caller is
// besides a key (Config.Admit), what is recorded (Config.Observe, Config.Trace).
package gateway
