# engines: rvm interpreter
package policies.complete_rules

same := "x" if input.a == 1

same := "x" if input.b == 1

many if input.a == 1

many if input.b == 1

many if 1 in input.xs

default fallback := {"d": [1, "a"]}

fallback := input.o if input.a == 1

default negative := -1

negative := 1 if input.a

path := {"a": {"b": input.a}}

constant := 7

is_false := false if input.a == 1

nothing := null

allow contains ["same", same]

allow contains ["many", many]

allow contains "not many" if not many

allow contains ["fallback", fallback]

allow contains ["negative", negative]

allow contains ["path", path.a.b]

allow contains ["key", k] if some k, _ in path

allow contains ["index", path[input.s]]

allow contains ["constant", constant]

allow contains "not false" if not is_false

allow contains "null" if nothing

allow contains "is null" if nothing == null
