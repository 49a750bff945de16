// Package access answers questions about access in words that people can act on: why
// (Explain), may I (CanI), who may (WhoCan), what may they (WhatCan). It adds to what
// package rbac finds the names of things, diagnoses by name (rbac.md 14), the smallest
// changes that would turn a refusal into a permission with what else each would open,
// and who could make them.
//
// Answers are plain values with JSON names. Every one is a function of a View: who may
// do what at one moment, and how much of that may be shown to who asks. What may not be
// shown is counted and left out; a View without limits, as of a file, shows everything.
// Every change that an answer proposes was tried on a copy of the Snapshot first.
//
// It leaves deciding to rbac, and whom to answer to those who hand it a View.
package access
