# engines: rvm interpreter
package policies.numbers

allow contains ["to", to_number(input.s)]

allow contains ["to any", to_number(input.a)]

allow contains ["ceil", ceil(input.n)]

allow contains ["floor", floor(input.n)]

allow contains ["round", round(input.n)]

allow contains ["and", bits.and(input.n, 6)]

allow contains ["or", bits.or(input.n, 6)]

allow contains ["xor", bits.xor(input.n, 6)]

allow contains ["negate", bits.negate(input.n)]

allow contains "positive" if to_number(input.s) > 0
