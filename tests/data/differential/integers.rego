# engines: rvm interpreter
package policies.integers

allow contains ["sum", count(input.xs) + 1]

allow contains ["product", (count(input.xs) * 2) - 3]

allow contains ["rest", 7 % count(input.ys)]

allow contains "more" if {
	n := count(input.ys)
	n + 1 > 2
}

allow contains ["guarded", n * 60] if {
	n := input.n
	is_number(n)
	n == round(n)
}

allow contains ["clock", (hour * 60) + minute] if {
	is_number(input.t)
	input.t >= 946684800000000000
	input.t < 4102444800000000000
	[hour, minute, _] := time.clock([input.t, "Europe/Berlin"])
}

allow contains ["large", 9007199254740993 + 9007199254740993]
