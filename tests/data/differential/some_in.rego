# engines: rvm
package policies.some_in

allow contains ["value", x] if some x in input.xs

allow contains ["pair", k, v] if some k, v in input.o

allow contains ["index", i, v] if some i, v in input.xs

allow contains ["pattern", x, y] if some [x, y] in input.xs

allow contains ["constant", x] if some [x, 1] in input.xs

allow contains "literal" if some 1 in input.xs

allow contains ["wild", k] if some k, _ in input.o

allow contains ["key", v] if some "k", v in input.o

allow contains ["listed", x] if {
	some x in ["a", 1]
	x == input.a
}

allow contains ["listed pair", k] if {
	some k, x in {"p": "a", "q": 1}
	x == input.a
}

allow contains ["nested", y] if {
	some x in input.xs
	some y in x
}

allow contains ["joined", x] if {
	some x in input.xs
	some y in input.ys
	x == y
}

allow contains ["indexed", v] if {
	some x in input.xs
	v := input.o[x]
}
