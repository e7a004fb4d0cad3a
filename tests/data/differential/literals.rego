# engines: rvm interpreter
package policies.literals

allow contains {"a": input.a, "b": [input.b, 1]}

allow contains {input.a, input.b, 1}

allow contains [input.a, [input.xs, {"k": input.o}]]

allow contains {input.s: 1} if is_string(input.s)

allow contains {"deep": {"er": {"v": input.a}}}
