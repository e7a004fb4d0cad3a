# engines: rvm interpreter
package policies.arrays

allow contains ["concat", array.concat(input.xs, input.ys)]

allow contains ["reverse", array.reverse(input.xs)]

allow contains ["slice", array.slice(input.xs, 1, input.n)]

allow contains ["sort", sort(input.xs)]

allow contains ["max", max(input.xs)]

allow contains ["min", min(input.xs)]

allow contains ["count", count(input.xs)]
