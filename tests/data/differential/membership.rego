# engines: rvm interpreter
package policies.membership

allow contains 1 if input.a in input.xs

allow contains 2 if input.a in ["a", 1, null]

allow contains 3 if input.a in {"a", 1, null}

allow contains 4 if 1 in input.o

allow contains 5 if "a" in input.s

allow contains 6 if "dev" in data.differential.roles[input.s]

allow contains 7 if input.xs[_] in input.ys

allow contains [x, b] if {
	x := input.xs[_]
	b := x in ["a", 1]
}

allow contains [x, "none"] if {
	x := input.xs[_]
	b := 1 in x
	not b
}
