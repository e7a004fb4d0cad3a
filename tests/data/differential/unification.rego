# engines: rvm interpreter
package policies.unification

allow contains ["one", x] if x = input.a

allow contains ["array", x, y] if [x, y] = input.xs

allow contains ["half", x] if [x, 1] = input.xs

allow contains ["constant"] if input.a = 1

allow contains ["two"] if input.a = input.b

allow contains ["index", x] if {
	input.xs[i] = x
	i > 0
}

allow contains ["found", i] if input.a = input.xs[i]
