// Package xslt transforms XML by XSLT 1.0 stylesheets.
//
// A stylesheet is one document: import, include, document(), extension elements and functions, and scripts are refused
// when it is compiled, so a transformation reaches nothing outside of its input and its parameters. A compiled Sheet
// never changes and may run many times at once. Each run has a budget of steps, of nested templates and of output;
// what exceeds it is an error.
//
// Texts are sorted without case first; numbers are those of XPath; output is always UTF-8.
package xslt
