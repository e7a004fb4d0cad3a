# engines: rvm interpreter
package policies.patterns

allow contains 1 if regex.match(`^[a-z]+$`, input.s)

allow contains 2 if regex.match(`^(/[^/]+)+$`, input.s)

allow contains 3 if regex.match(`[A-Z]{2}[0-9]{2}( ?[A-Z0-9]{4}){2,7}`, input.s)

allow contains 4 if regex.match(`a.b|^$`, input.s)

allow contains 5 if regex.match("^(?:ab?)*?[^\\-\\]x]\\.", input.s)

allow contains 6 if matches(input.s, `[A-Za-z0-9._+-]+@[A-Za-z0-9.-]+`)

allow contains 7 if not matches("abc", "a.c")

allow contains [8, x] if {
	x := input.xs[_]
	regex.match("^.$", x)
}

matches(text, pattern) if regex.match(concat("", ["^(?:", pattern, ")$"]), text)
