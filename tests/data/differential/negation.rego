# engines: rvm interpreter
package policies.negation

allow contains 1 if not input.a

allow contains 2 if not input.o.k

allow contains 3 if not input.a == input.b

allow contains 4 if not input.a == input.o.k

allow contains 5 if not data.differential.roles.a == input.xs

allow contains 6 if not is_it

allow contains 7 if not is_one("a")

allow contains 9 if not input.a == null

allow contains 10 if not "a" in elements

allow contains 11 if not elements[1]

allow contains 12 if not count(elements) > 1

allow contains 13 if not with_default > 2

is_it if input.a > 1

is_one(x) if x == input.s

elements contains x if x := input.xs[_]

default with_default := 3

with_default := input.n if is_number(input.n)
