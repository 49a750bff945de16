// Package lint reads who may do what and says what is wider, older or stranger than it has to be: least privilege and
// hygiene, as rules that each have an ID, a reason and a command that mends what they find.
//
// Run promises that what it reports is in the World that it was given; what it does not report may still be unwise.
// Rules that need more than a World (what exists, what was used) are silent without it. It changes nothing.
package lint
