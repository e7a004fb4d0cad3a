# engines: rvm interpreter
package policies.else_chains

chain := "one" if input.a == 1

else := "two" if {
	x := input.b
	x == 1
}

else := "three"

local := x if {
	x := input.a
	x == 1
}

else := y if {
	y := input.b
	is_string(y)
}

else := "z"

open if input.a == 1

else := "x" if input.b == 1

object := {"x": input.a} if {
	input.a
	input.a == 1
}

else := 3

allow contains ["chain", chain]

allow contains ["local", local]

allow contains ["open", open]

allow contains ["object", object]
