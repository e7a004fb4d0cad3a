# engines: rvm
package policies.every_element

allow contains "ones" if every x in input.xs { x == 1 }

allow contains "pairs" if every k, v in input.o {
	is_string(k)
	v == 1
}

allow contains "nested" if every x in input.xs {
	every y in x { y == 1 }
}

allow contains "not" if every x in input.xs { not x == 1 }

allow contains "function" if every x in input.xs { is_one(x) }

allow contains "two" if every x in input.xs {
	x != 1
	x != "a"
}

allow contains "assigned" if every x in input.xs {
	y := x.k
	y == 1
}

allow contains "some" if every x in input.xs {
	some y in input.ys
	x == y
}

allow contains "outer" if {
	a := input.a
	a != null
	every x in input.xs { x == a }
}

allow contains "any part" if every x in input.xs { x.k[_] == 1 }

allow contains "filtered" if every x in [y | y := input.xs[_]; is_string(y)] { x != "a" }

is_one(x) if x == 1
