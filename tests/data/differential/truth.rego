# engines: rvm interpreter
package policies.truth

allow contains 1 if input.a

allow contains 2 if input.o.k

allow contains 3 if input.xs[0]

allow contains 4 if input

allow contains 5 if data.differential.roles[input.s]
