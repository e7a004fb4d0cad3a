# engines: rvm interpreter
package policies.text

allow contains ["lower", lower(input.s)]

allow contains ["upper", upper(input.s)]

allow contains ["count", count(input.s)]

allow contains ["contains", contains(input.s, input.t2)]

allow contains ["startswith", startswith(input.s, input.t2)]

allow contains ["endswith", endswith(input.s, input.t2)]

allow contains ["indexof", indexof(input.s, input.t2)]

allow contains ["substring", substring(input.s, input.n, 2)]

allow contains ["rest", substring(input.s, 1, -1)]

allow contains ["split", split(input.s, input.t2)]

allow contains ["replace", replace(input.s, "a", input.t2)]

allow contains ["reverse", strings.reverse(input.s)]

allow contains ["occurrences", strings.count(input.s, "a")]

allow contains ["concat", concat(input.t2, input.xs)]

allow contains ["any prefix", strings.any_prefix_match(input.s, ["a", input.t2])]

allow contains ["any suffix", strings.any_suffix_match(input.xs, input.t2)]
