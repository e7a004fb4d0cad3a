# engines: rvm interpreter
package policies.partial_sets

elements contains "a" if input.a == 1

elements contains "b" if input.b == 1

elements contains input.a

elements contains x if x := input.xs[_]

allow contains ["all", elements]

allow contains ["count", count(elements)]

allow contains ["has", elements["a"]]

allow contains ["bound", x] if elements[x]

allow contains "truthy" if nothing

allow contains "empty" if nothing == set()

nothing contains 1 if input.nothing

allow contains {1, input.missing}

allow contains [1, input.missing]
