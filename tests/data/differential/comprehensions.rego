# engines: rvm interpreter
package policies.comprehensions

allow contains ["array", [x | x := input.xs[_]; x != 1]]

allow contains ["set", {x | x := input.xs[_]; x != 1}]

allow contains ["object", {k: v | some k, v in data.differential.roles; count(v) > 0}]

allow contains ["nested", [ys | x := input.xs[_]; ys := [y | y := x[_]]]]

allow contains ["counted", count({x | x := input.xs[_]; is_string(x)})]

allow contains ["outer", y] if {
	x := input.xs[_]
	y := [z | z := input.ys[_]; z == x]
}

allow contains "not" if not count([x | x := input.xs[_]; is_string(x)]) > 1

allow contains "equal" if {
	left := {x | x := input.xs[_]}
	left == {y | y := input.ys[_]}
}

allow contains "equal arrays" if input.ys == [x | x := input.xs[_]]

allow contains ["guarded", [x.k | x := input.xs[_]; x.k != null]]

allow contains ["in a value", {"s": {x | x := input.xs[_]}}]

allow contains ["filtered", [x | x := input.xs[_]; not x in ["a", 1]]]
