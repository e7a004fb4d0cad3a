# engines: interpreter conflicts
package policies.partial_objects

members[k] := v if {
	is_object(input.o)
	some k, v in input.o
}

lengths[x] := n if {
	x := data.differential.roles[input.s][_]
	n := count(x)
}

allow contains ["members", members]

allow contains ["lengths", lengths]

allow contains ["member", members.k]
