// Package analytics keeps what a gateway counts: statistics of requests, the newest
// requests themselves, and quota counters.
//
// It promises that a batch is kept whole or not at all, and that reports cost by what they group
// over, not by the number of requests: those of a quarter of an hour that agree in all
// that reports can ask for are one row. It is a database of its own beside that of the
// documents, so that traffic holds up no write there; a power cut may lose the last
// moments, never more. Nothing in it is a secret, as long as the gateway leaves keys out of
// addresses.
//
// It leaves to the gateway what to record and when, and to reports how things are called.
package analytics
