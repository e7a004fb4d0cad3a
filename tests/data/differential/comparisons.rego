# engines: rvm interpreter
package policies.comparisons

allow contains "lt" if input.a < input.b

allow contains "le" if input.a <= input.b

allow contains "eq" if input.a == input.b

allow contains "ne" if input.a != input.b

allow contains "ge" if input.a >= input.b

allow contains "gt" if input.a > input.b

allow contains "literal" if input.a == 1

allow contains "text order" if "a" < input.s

allow contains ["value", x] if x := input.a > input.b

allow contains {"both": input.a == input.b}
