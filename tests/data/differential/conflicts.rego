# engines: interpreter conflicts
package policies.conflicts

two := 1 if input.a == 1

two := 2 if input.b == 1

default blocked := false

blocked := x if x := input.ys[_]

chosen(x) := 1 if x == input.a

chosen(x) := 2 if x == input.b

allow contains ["two", two]

allow contains "not two" if not two

allow contains ["chosen", y] if y := chosen(1)

allow contains ["blocked", blocked] if input.n == 2
