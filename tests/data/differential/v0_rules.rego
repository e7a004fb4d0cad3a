# engines: rvm interpreter v0
package policies.v0_rules

import future.keywords.in

default role = "none"

role = "admin" {
	input.a == 1
} else = "guest" {
	input.b == 1
}

is_text(x) {
	is_string(x)
}

kind(x) = "text" { is_string(x) } else = "number" { is_number(x) } else = "other"

listed[x] {
	some i
	x := input.xs[i]
}

has_k {
	input.o.k
}

has_k { "k" in input.ys }

fixed["one"] { true }

allow[["role", role]] { true }

allow[["kind", k]] {
	k := kind(input.a)
}

allow[["listed", n]] { n := count(listed) }

allow[["listed element", x]] {
	listed[x]
	is_text(x)
}

allow["has k"] { has_k }

allow["fixed"] { fixed.one }

allow[x] {
	x = ["unified", y]
	y = input.s
}

allow[concat("-", ["a", "b"])] { input.a; not input.b }

allow["a long one"] {
	count([x | x := input.xs[_]; is_number(x)]) > 1
}

contains_a {
	contains(input.s, "a")
}

allow["contains"] { contains_a }
