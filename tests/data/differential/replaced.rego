# engines: interpreter
package policies.replaced

is_one if input.a == 1

held := data.differential.roles.a

allow contains "input" if is_one with input as {"a": 1}

allow contains "part" if not is_one with input.a as 1

allow contains ["data", x] if x := held with data.differential.roles as {"a": [input.b]}

allow contains "pair" if "k", 1 in {"k": input.a}
