package expr

import "slices"

// The table of System.Linq.Enumerable. The members come in families: what differs between those of one stands here.

// on writes the signature of an extension method over IEnumerable<T>: "R Name<T, R>", what follows the source.
func on(head, params string) string {
	if params != "" {
		params = ", " + params
	}
	return "static " + head + "(this IEnumerable<T> source" + params + ")"
}

func enumerableMembers() members {
	return slices.Concat(lazyMembers(), orderMembers(), groupMembers(), setwiseMembers(), pickMembers(), askMembers(), collectMembers(), sumMembers())
}

func lazyMembers() members {
	first := typeAt(0)
	list := members{
		g(on("IEnumerable<R> SelectMany<T, R>", "Func<T, IEnumerable<R>> selector"), each(typeAt(1), flatten(false))),
		g(on("IEnumerable<R> SelectMany<T, R>", "Func<T, int, IEnumerable<R>> selector"), each(typeAt(1), flatten(true))),
		g(on("IEnumerable<R> SelectMany<T, C, R>", "Func<T, IEnumerable<C>> collectionSelector, Func<T, C, R> resultSelector"), each(typeAt(2), flatten(false))),
		g(on("IEnumerable<R> SelectMany<T, C, R>", "Func<T, int, IEnumerable<C>> collectionSelector, Func<T, C, R> resultSelector"), each(typeAt(2), flatten(true))),
		g(on("IEnumerable<T> Take<T>", "int count"), each(first, takeSkip(true, false, false))), g(on("IEnumerable<T> Skip<T>", "int count"), each(first, takeSkip(false, false, false))),
		g(on("IEnumerable<T> TakeLast<T>", "int count"), each(first, ends(true))), g(on("IEnumerable<T> SkipLast<T>", "int count"), each(first, ends(false))),
		g("static IEnumerable<T> Concat<T>(this IEnumerable<T> first, IEnumerable<T> second)", each(first, chain(func(a []Value) []Value { return a }, -1))),
		g(on("IEnumerable<T> Append<T>", "T element"), each(first, chain(func(a []Value) []Value { return a }, 1))),
		g(on("IEnumerable<T> Prepend<T>", "T element"), each(first, chain(func(a []Value) []Value { return []Value{a[1], a[0]} }, 0))),
		g(on("IEnumerable<T> Reverse<T>", ""), each(first, backwards)), g(on("IEnumerable<T[]> Chunk<T>", "int size"), chunks),
		g(on("IEnumerable<T> DefaultIfEmpty<T>", ""), each(first, defaultIfEmpty)), g(on("IEnumerable<T> DefaultIfEmpty<T>", "T defaultValue"), each(first, defaultIfEmpty)),
		g("static IEnumerable<R> Cast<R>(this System.Collections.IEnumerable source)", each(first, castAll(false))),
		g("static IEnumerable<R> OfType<R>(this System.Collections.IEnumerable source)", each(first, castAll(true))),
		g("static IEnumerable<R> Zip<T, U, R>(this IEnumerable<T> first, IEnumerable<U> second, Func<T, U, R> resultSelector)", each(typeAt(2), zip)),
		m("static IEnumerable<int> Range(int start, int count)", linqRange), g("static IEnumerable<T> Repeat<T>(T element, int count)", repeat),
		g("static IEnumerable<T> Empty<T>()", func(t []*Type) Func {
			return func(*Frame, []Value) (Value, error) { return itemsOf(t[0], nil), nil }
		}),
		m(on("IEnumerable<T> AsEnumerable<T>", ""), func(_ *Frame, a []Value) (Value, error) { return a[0], nil }),
	}
	for _, position := range []bool{false, true} {
		fn := func(result string) string {
			if position {
				return "Func<T, int, " + result + ">"
			}
			return "Func<T, " + result + ">"
		}
		list = append(list,
			g(on("IEnumerable<T> Where<T>", fn("bool")+" predicate"), each(first, keep(position))),
			g(on("IEnumerable<R> Select<T, R>", fn("R")+" selector"), each(typeAt(1), project(position))),
			g(on("IEnumerable<T> TakeWhile<T>", fn("bool")+" predicate"), each(first, takeSkip(true, true, position))),
			g(on("IEnumerable<T> SkipWhile<T>", fn("bool")+" predicate"), each(first, takeSkip(false, true, position))))
	}
	return list
}

func orderMembers() members {
	var list members
	for i, suffix := range []string{"", "Descending"} {
		for _, comparer := range []string{"", ", IComparer<K> comparer"} {
			list = append(list,
				g(on("IOrderedEnumerable<T> OrderBy"+suffix+"<T, K>", "Func<T, K> keySelector"+comparer), order(i > 0, false, false)),
				g("static IOrderedEnumerable<T> ThenBy"+suffix+"<T, K>(this IOrderedEnumerable<T> source, Func<T, K> keySelector"+comparer+")", order(i > 0, true, false)))
		}
		list = append(list, g(on("IOrderedEnumerable<T> Order"+suffix+"<T>", ""), order(i > 0, false, true)), g(on("IOrderedEnumerable<T> Order"+suffix+"<T>", "IComparer<T> comparer"), order(i > 0, false, true)))
	}
	return list
}

// groupMembers are those that file elements by keys: each with a comparer of the keys or without.
func groupMembers() members {
	var list members
	const join = "this IEnumerable<T> outer, IEnumerable<U> inner, Func<T, K> outerKeySelector, Func<U, K> innerKeySelector, "
	for _, comparer := range []string{"", ", IEqualityComparer<K> comparer"} {
		const key, element = "Func<T, K> keySelector", ", Func<T, E> elementSelector"
		list = append(list,
			g(on("IEnumerable<IGrouping<K, T>> GroupBy<T, K>", key+comparer), groupBy(false, false)), g(on("IEnumerable<IGrouping<K, E>> GroupBy<T, K, E>", key+element+comparer), groupBy(true, false)),
			g(on("IEnumerable<R> GroupBy<T, K, R>", key+", Func<K, IEnumerable<T>, R> resultSelector"+comparer), groupBy(false, true)),
			g(on("IEnumerable<R> GroupBy<T, K, E, R>", key+element+", Func<K, IEnumerable<E>, R> resultSelector"+comparer), groupBy(true, true)),
			g("static IEnumerable<R> Join<T, U, K, R>("+join+"Func<T, U, R> resultSelector"+comparer+")", linqJoin(false)),
			g("static IEnumerable<R> GroupJoin<T, U, K, R>("+join+"Func<T, IEnumerable<U>, R> resultSelector"+comparer+")", linqJoin(true)),
			g(on("Dictionary<K, T> ToDictionary<T, K>", key+comparer), toDictionary), g(on("Dictionary<K, E> ToDictionary<T, K, E>", key+element+comparer), toDictionary),
			g(on("ILookup<K, T> ToLookup<T, K>", key+comparer), toLookup), g(on("ILookup<K, E> ToLookup<T, K, E>", key+element+comparer), toLookup),
			g("static Dictionary<K, V> ToDictionary<K, V>(this IEnumerable<KeyValuePair<K, V>> source"+comparer+")", pairsToDictionary))
	}
	return list
}

func setwiseMembers() members {
	var list members
	add := func(sig, of, how string, by int) {
		for _, comparer := range []string{"", ", IEqualityComparer<" + of + "> comparer"} {
			list = append(list, g("static IEnumerable<T> "+sig+comparer+")", each(typeAt(0), combine(how, by))))
		}
	}
	const two = "(this IEnumerable<T> first, IEnumerable<T> second"
	add("Distinct<T>(this IEnumerable<T> source", "T", "Distinct", -1)
	add("DistinctBy<T, K>(this IEnumerable<T> source, Func<T, K> keySelector", "K", "Distinct", 1)
	add("UnionBy<T, K>"+two+", Func<T, K> keySelector", "K", "Union", 2)
	for _, how := range []string{"Union", "Intersect", "Except"} {
		add(how+"<T>"+two, "T", how, -1)
		if how != "Union" {
			add(how+"By<T, K>(this IEnumerable<T> first, IEnumerable<K> second, Func<T, K> keySelector", "K", how, 2)
		}
	}
	return list
}

// pickMembers are First, Last and Single.
func pickMembers() members {
	var list members
	for _, which := range []string{"First", "Last", "Single"} {
		for _, suffix := range []string{"", "OrDefault"} {
			fn := pick(which, suffix != "", false)
			list = append(list, g(on("T "+which+suffix+"<T>", ""), fn), g(on("T "+which+suffix+"<T>", "Func<T, bool> predicate"), fn))
		}
		own := pick(which, true, true)
		list = append(list, g(on("T "+which+"OrDefault<T>", "T defaultValue"), own), g(on("T "+which+"OrDefault<T>", "Func<T, bool> predicate, T defaultValue"), own))
	}
	return append(list, g(on("T ElementAt<T>", "int index"), elementAt(false)), g(on("T ElementAtOrDefault<T>", "int index"), elementAt(true)))
}

func askMembers() members {
	const predicate = "Func<T, bool> predicate"
	return members{
		m(on("int Count<T>", ""), linqCount(false)), m(on("int Count<T>", predicate), linqCount(false)), m(on("long LongCount<T>", ""), linqCount(true)), m(on("long LongCount<T>", predicate), linqCount(true)),
		m(on("bool TryGetNonEnumeratedCount<T>", "out int count"), countAtHand),
		m(on("bool Any<T>", ""), linqAny(false)), m(on("bool Any<T>", predicate), linqAny(false)), m(on("bool All<T>", predicate), linqAny(true)),
		m(on("bool Contains<T>", "T value"), linqContains), m(on("bool Contains<T>", "T value, IEqualityComparer<T> comparer"), linqContains),
		m("static bool SequenceEqual<T>(this IEnumerable<T> first, IEnumerable<T> second)", sequenceEqual),
		m("static bool SequenceEqual<T>(this IEnumerable<T> first, IEnumerable<T> second, IEqualityComparer<T> comparer)", sequenceEqual),
		m(on("T Aggregate<T>", "Func<T, T, T> func"), aggregate), m(on("A Aggregate<T, A>", "A seed, Func<A, T, A> func"), aggregate),
		m(on("R Aggregate<T, A, R>", "A seed, Func<A, T, A> func, Func<A, R> resultSelector"), aggregate),
	}
}

func collectMembers() members {
	return members{
		g(on("T[] ToArray<T>", ""), toArray), g(on("List<T> ToList<T>", ""), toList),
		g(on("HashSet<T> ToHashSet<T>", ""), toHashSet), g(on("HashSet<T> ToHashSet<T>", "IEqualityComparer<T> comparer"), toHashSet),
	}
}

// sumMembers are Min, Max, Sum and Average.
func sumMembers() members {
	var list members
	for name, sign := range map[string]int{"Min": -1, "Max": 1} {
		list = append(list,
			g(on("T "+name+"<T>", ""), extreme(sign, 0)), g(on("T "+name+"<T>", "IComparer<T> comparer"), extreme(sign, 0)), g(on("R "+name+"<T, R>", "Func<T, R> selector"), extreme(sign, 1)),
			g(on("T "+name+"By<T, K>", "Func<T, K> keySelector"), extremeBy(sign)), g(on("T "+name+"By<T, K>", "Func<T, K> keySelector, IComparer<K> comparer"), extremeBy(sign)))
	}
	for _, t := range []*Type{intType, longType, doubleType, floatType, decimalType} {
		word := keywordNames[t]
		mean := "double"
		if t == floatType || t == decimalType {
			mean = word
		}
		for _, mark := range []string{"", "?"} {
			for _, params := range []string{"(this IEnumerable<" + word + mark + "> source)", "<T>(this IEnumerable<T> source, Func<T, " + word + mark + "> selector)"} {
				list = append(list, m("static "+word+mark+" Sum"+params, sum(t)), m("static "+mean+mark+" Average"+params, average(t, mark != "")))
			}
		}
	}
	return list
}

var enumerableDecls = []Decl{
	{Head: "interface System.Linq.IOrderedEnumerable<T> : IEnumerable<T>", Type: orderedType},
	{Head: "interface System.Linq.IGrouping<out K, T> : IEnumerable<T>", Type: groupingType, Members: members{
		m("K Key { get; }", func(_ *Frame, a []Value) (Value, error) { return a[0].ref.(*Grouping).key, nil }),
	}},
	{Head: "interface System.Linq.ILookup<K, T> : IEnumerable<IGrouping<K, T>>", Type: lookupType, Members: members{
		m("int Count { get; }", counted), m("bool Contains(K key)", lookupHas), g("IEnumerable<T> this[K key] { get; }", lookupItem),
	}},
	{Head: "static class System.Linq.Enumerable", Members: enumerableMembers()},
}
