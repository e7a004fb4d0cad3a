# engines: rvm interpreter
package policies.times

# Elsewhere the evaluation is given up.
in_tables if {
	is_number(input.t)
	input.t >= 946684800000000000
	input.t < 4102444800000000000
}

allow contains ["clock", time.clock(input.t)]

allow contains ["zone", time.clock([input.t, "America/New_York"])] if in_tables

allow contains ["any zone", time.clock([input.t, input.s])] if in_tables

allow contains ["date", time.date([input.t, "Asia/Kolkata"])] if in_tables

allow contains ["weekday", time.weekday([input.t, "Europe/Berlin"])] if in_tables

allow contains ["parsed", time.parse_rfc3339_ns(input.s)]
