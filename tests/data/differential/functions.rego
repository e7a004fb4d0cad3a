# engines: rvm interpreter
package policies.functions

plain(a, b) := [a, b]

pattern("a") := 1

pattern("b") := 2

typed(null) := "x"

typed(true) := "x"

typed(-1) := "x"

array([a, 1]) := a

alike([a, b]) if a == b

wild(_, x) := x

chosen(x) := 1 if x == 1

else := 2 if is_string(x)

else := 3

truth(x) if x == 1

truth(x) if x == "a"

nested(x) := concat("-", [inner(x), "z"])

inner(x) := upper(x)

no_value(x) := false if x == 1

null_value(x) := null if x == 1

allow contains ["plain", plain(input.a, input.b)]

allow contains ["pattern", y] if {
	x := input.xs[_]
	y := pattern(x)
}

allow contains ["typed", y] if {
	x := input.xs[_]
	y := typed(x)
}

allow contains ["array", y] if {
	x := input.xs[_]
	y := array(x)
}

allow contains ["equal", x] if {
	x := input.xs[_]
	alike(x)
}

allow contains ["wild", wild(1, input.a)]

allow contains ["chosen", y] if {
	x := input.xs[_]
	y := chosen(x)
}

allow contains ["truth", x] if {
	x := input.xs[_]
	truth(x)
}

allow contains ["nested", y] if {
	x := input.xs[_]
	y := nested(x)
}

allow contains ["false", x] if {
	x := input.xs[_]
	not no_value(x)
}

allow contains ["null", x] if {
	x := input.xs[_]
	null_value(x) == null
}

allow contains ["of what is undefined", plain(input.missing, 1)]

allow contains ["of a path", data.policies.functions.wild(1, input.a)]
