// Package counter counts calls against limits: sliding windows (rate-limit, rate-limit-by-key, tokens per minute), periods
// with a start and an end (quota, quota-by-key, token quotas) and calls that run at this moment (limit-concurrency).
// It decides nothing about policies: which key, which window and what to answer are for its callers to say.
//
// There are two implementations of one interface, Counters, and one suite that both pass: Local counts in this process; Shared
// counts in Redis, so that several nodes have one count. What runs at this moment is counted by Slots, for each node.
//
// # Sliding windows (gateway.md 12.3)
//
// A window is 60 sub-windows on a ring. The first call after a pause starts the ring, and calls leave one sub-window at a
// time, each when the first that was counted in it is as old as the window is long. So a call waits at most the window's
// length, a limit is exceeded for at most a sixtieth of the window, and a key costs the same memory whatever its limit.
// A call is judged before it is counted, and one that is refused is not counted. How long to wait is exact: the time until
// enough of the oldest have left.
//
// # Periods
//
// What was counted in a period is also kept in a Ledger (package analytics), to which it is written in batches, and from
// where it is read when a key is first seen: counts survive restarts. A crash loses what was counted since the last batch,
// a second by default. Where somebody sets a count in the ledger, Reload makes it known here.
//
// # When Redis is gone
//
// No call ever waits long for it, and none fails because of it (package redis):
//   - Sliding windows are judged by what this node alone counted, which it always does besides. Each of n nodes then lets
//     pass up to the limit. Counts made meanwhile are not brought to Redis later: a window is over in 300 seconds.
//   - Periods are judged by the last count that Redis told this node, or the ledger, plus what this node counted since. What
//     it counted is brought to Redis when a call with that key finds it back. A Redis that comes back empty starts from the
//     ledger.
//
// # Memory
//
// Keys that have nothing left to count are forgotten. Past Options.MaxKeys those longest unused go first, which forgets
// counts of windows that still run; periods are in the ledger and lose nothing.
package counter
