# engines: interpreter
package policies.every_index

allow contains "index" if every x in data.differential.roles.a { input.o[x] == 1 }

allow contains "key" if every i, x in data.differential.roles.a { x == input.xs[i] }

allow contains "data" if every x in ["a", "b"] { data.differential.roles[x][0] == input.a }
