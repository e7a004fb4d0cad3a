# engines: rvm interpreter
package policies.trimming

allow contains ["trim", trim(input.s, input.t2)]

allow contains ["left", trim_left(input.s, input.t2)]

allow contains ["right", trim_right(input.s, input.t2)]

allow contains ["prefix", trim_prefix(input.s, input.t2)]

allow contains ["suffix", trim_suffix(input.s, input.t2)]

allow contains ["space", trim_space(input.s)]

allow contains ["chain", trim_space(lower(concat(" ", ["", input.s])))]
