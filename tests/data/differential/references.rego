# engines: rvm interpreter
package policies.references

allow contains ["name", input.o.k]

allow contains ["bracket", input["o"]["k"]]

allow contains ["index", input.xs[0]]

allow contains ["inner", input.xs[1].k]

allow contains ["negative", input.xs[-1]]

allow contains ["text index", input.xs["0"]]

allow contains ["number index", input.o[1]]

allow contains ["of input", input.o[input.s]]

allow contains ["of data", data.differential.roles[input.s]]

allow contains ["missing", data.differential.nothing.at.all]

allow contains ["of a literal", {"a": 1, "b": 2}[input.s]]

allow contains ["of an array", ["x", "y"][input.n]]

allow contains ["of a set", {"a", "b"}[input.s]]

allow contains ["of a call", split("a.b", ".")[1]]

allow contains ["odd key", input["a b"]]
