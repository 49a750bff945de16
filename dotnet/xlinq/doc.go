// Package xlinq is LINQ to XML (System.Xml.Linq) as policy expressions see it: text is read as XmlReader reads it, into a
// tree of documents, elements, attributes, texts and the rest, which can be walked, changed, compared, and printed with
// the indentation, escapes and namespace prefixes that .NET writes.
//
// One Go type, Node, stands for the whole XObject family; Kind tells them apart, with the numbers of XmlNodeType.
// What .NET throws is a *dotnet.Exception; what a gateway must not survive on is a *Limit.
//
// Reading is safe by what it lacks: no entity but the five of XML and character references, no internal DTD subset (a
// document that brings one is refused), nothing external is ever fetched, depth is limited to 256 elements.
package xlinq
