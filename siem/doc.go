// Package siem tells others what the change log says: as OCSF, CEF or JSON, over
// syslog, into a file, or to a webhook.
//
// It promises that every change gets to every target at least once, in order, also
// when the process dies at any moment or a target is away for days: how far each has
// come is on disk, and moves on only when a target has what was sent. A change may
// come twice; its number and hash are in it, so that a target can tell. What is sent
// holds no secrets: the log itself has none. It leaves the log as it is.
package siem
