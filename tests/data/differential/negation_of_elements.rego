# engines: rvm interpreter
package policies.negation_of_elements

allow contains ["in", x] if {
	x := input.xs[_]
	not x in ["a", 1]
}

allow contains ["less", x] if {
	x := input.xs[_]
	not x < 1
}

allow contains ["call", x] if {
	x := input.xs[_]
	not startswith(x, "a")
}

allow contains ["part", x] if {
	x := input.xs[_]
	not x.k
}

allow contains ["part is", x] if {
	x := input.xs[_]
	not x.k == 1
}

allow contains ["data", x] if {
	x := input.xs[_]
	not data.differential.roles[x]
}

allow contains ["function", x] if {
	x := input.xs[_]
	not is_one(x)
}

allow contains ["member", x] if {
	x := input.xs[_]
	not x in others
}

allow contains ["within", x] if {
	x := input.xs[_]
	not 1 in x
}

is_one(x) if x == 1

others contains y if y := input.ys[_]
