# engines: rvm interpreter
package policies.formats

allow contains ["s", sprintf("%s and %s", [input.s, input.a])]

allow contains ["d", sprintf("%d of %d", [input.n, input.a])]

allow contains ["v", sprintf("%v: %v%%", [input.a, input.b])]

allow contains ["list", sprintf("%v", [input.xs])]

allow contains ["set", sprintf("%v", [{"a", 1}])]

allow contains {"code": "c", "message": m} if {
	x := input.n
	x > 1
	m := sprintf("%v is above %d", [x, 1])
}
