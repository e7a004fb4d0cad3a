# engines: rvm interpreter reads:functions reads:partial_sets
package policies.imports

import data.differential.roles as held
import data.policies.functions.plain
import data.policies.partial_sets.elements
import input.o as object

allow contains ["input", object.k]

allow contains ["data", held[input.s]]

allow contains ["function", plain(1, input.a)]

allow contains ["rule", count(elements)]

allow contains ["another package", x] if data.policies.partial_sets.elements[x]
