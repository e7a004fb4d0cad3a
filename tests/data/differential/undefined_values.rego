# engines: interpreter conflicts
package policies.undefined_values

allow contains 1 if {
	x := input.a
	not input.b == 1
}

chain := "some" if {
	is_array(input.xs)
	some x in input.xs
	x == 1
}

else := 2

allow contains ["chain", chain]

allow contains ["listed", [input.o[k] | some k in ["k", "z"]]]

allow contains ["keyed", {k: input.o[k] | some k in ["k", "z"]}]
