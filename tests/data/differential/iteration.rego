# engines: rvm interpreter
package policies.iteration

allow contains ["each", x] if x := input.xs[_]

allow contains ["nested", x] if x := input.xs[_][_]

allow contains ["twice", y] if {
	x := input.xs[_]
	y := x[_]
}

allow contains "some equal" if input.xs[_] == input.a

allow contains "two equal" if input.xs[_] == input.ys[_]

allow contains "same place" if input.xs[i] == input.ys[i]

allow contains ["key", k] if {
	some k
	input.o[k] == 1
}

allow contains ["implicit", k] if input.o[k] == 1

allow contains [i, j] if {
	some i, j
	input.xs[i] == input.ys[j]
}

allow contains "bare" if input.xs[_]

allow contains "part" if input.xs[_].k

allow contains "argument" if startswith(input.xs[_], "a")

allow contains ["argument", i] if startswith(input.xs[i], "a")

allow contains "counted" if count(input.xs[_]) > 1

allow contains ["data", u, r] if r := data.differential.roles[u][_]

allow contains ["held", u] if {
	some u
	"dev" in data.differential.roles[u]
}
