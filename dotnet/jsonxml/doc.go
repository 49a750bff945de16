// Package jsonxml maps XML to JSON and back as Json.NET's XmlNodeConverter does: @name for attributes, #text and
// #cdata-section, ?xml and other instructions, arrays for elements that repeat or say json:Array, namespaces as @xmlns
// members. The policies json-to-xml and xml-to-json are this and a little more (gateway.md 8.2).
//
// Two departures: comments are left out of JSON, where they would not be valid, and a prefix that nobody declared is kept in
// the name in XML's escape (p_x003A_a) instead of failing.
package jsonxml
