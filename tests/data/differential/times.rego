# engines: rvm interpreter
package policies.times

allow contains ["clock", time.clock(input.t)]

allow contains ["zone", time.clock([input.t, "America/New_York"])]

allow contains ["any zone", time.clock([input.t, input.s])]

allow contains ["date", time.date([input.t, "Asia/Kolkata"])]

allow contains ["weekday", time.weekday([input.t, "Europe/Berlin"])]

allow contains ["parsed", time.parse_rfc3339_ns(input.s)]

