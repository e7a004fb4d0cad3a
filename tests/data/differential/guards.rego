# engines: rvm interpreter
package policies.guards

allow contains ["text", x] if {
	x := input.xs[_]
	is_string(x)
	count(x) > 1
}

allow contains ["kinds", [is_array(x), is_boolean(x), is_null(x), is_number(x), is_object(x), is_set(x), is_string(x)]] if x := input.xs[_]

allow contains ["names", type_name(x)] if x := input.xs[_]

allow contains ["set", is_set({x | x := input.xs[_]})]
