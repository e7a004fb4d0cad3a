# engines: rvm interpreter
package policies.some_in_collections

elements contains x if x := input.xs[_]

allow contains ["set", x] if some x in elements

allow contains ["data", u, rs] if some u, rs in data.differential.roles

allow contains ["comprehension", x] if some x in {y | y := input.ys[_]}

allow contains ["array", i, x] if some i, x in ["a", "b", input.a]

allow contains ["guarded", x] if {
	is_array(input.xs)
	some x in input.xs
}

allow contains ["object", k, v] if {
	is_object(input.o)
	some k, v in input.o
}

allow contains ["reachable", r] if some r in graph.reachable(data.differential.graph, {"a"})

allow contains ["key", k] if some k in object.keys(data.differential.roles)
