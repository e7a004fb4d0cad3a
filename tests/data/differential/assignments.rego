# engines: rvm interpreter
package policies.assignments

allow contains ["compared", x] if {
	x := input.a
	x != 1
}

allow contains ["called", x] if {
	x := input.s
	startswith(x, "a")
}

allow contains ["named", x] if {
	x := input.a
	x
	not input.b == 1
}

allow contains ["in the head", x] if x := input.a

allow contains ["array", x, y] if [x, y] := input.xs

allow contains ["wild", y] if [_, y] := input.xs

allow contains ["nested", a] if {
	[a, [b]] := input.xs
	b == 1
}

allow contains ["index", v] if {
	x := input.s
	v := input.o[x]
}

allow contains ["element", y] if {
	x := input.xs
	y := x[_]
}

allow contains ["truth", b] if b := input.a == input.b

allow contains ["function", y] if y := word(input.a)

word(x) := "one" if x == 1
