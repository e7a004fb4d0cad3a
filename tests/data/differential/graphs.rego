# engines: rvm interpreter
package policies.graphs

allow contains ["from", graph.reachable(data.differential.graph, [input.s])]

allow contains ["of input", graph.reachable(input.o, input.xs)]

allow contains ["roles", r] if {
	reachable := graph.reachable(data.differential.graph, {x | x := input.xs[_]})
	r := reachable[_]
}
