package toolgate.lib_test

import data.toolgate.lib as tg

_with(arguments) := {"arguments": arguments}

_no_arguments := [{}, _with({}), _with("note"), _with(["note"]), _with(null)]

test_argument_present if {
	tg.argument_present("note") with input as _with({"note": ""})
	tg.argument_present("note") with input as _with({"note": false})
	tg.argument_present("note") == false with input as _with({"note": null})
	every none in _no_arguments {
		tg.argument_present("note") == false with input as none
	}
}

test_argument_by_path if {
	nested := _with({"customer": {"phones": ["1", "2"]}})
	tg.argument_present(["customer", "phones", 1]) with input as nested
	tg.argument_is(["customer", "phones", 0], "1") with input as nested
	tg.argument_present(["customer", "phones", 2]) == false with input as nested
	tg.argument_present(["customer", "name"]) == false with input as nested
	tg.argument_present("customer.phones") == false with input as nested
}

test_argument_name_of_the_wrong_type if {
	every name in [7, null, {"a": "note"}, {"note"}, true] {
		tg.argument_present(name) == false with input as _with({"note": "x"})
	}
}

test_arguments_only if {
	tg.arguments_only(["id", "note"]) with input as _with({"note": "x"})
	tg.arguments_only({"id", "note"}) with input as _with({"id": 1, "note": "x"})
	tg.arguments_only([]) with input as _with({})
	tg.arguments_only(["id"]) == false with input as _with({"note": "x"})
	tg.arguments_only("note") == false with input as _with({"note": "x"})
	every none in [{}, _with("note"), _with(["note"]), _with(null)] {
		tg.arguments_only(["note"]) == false with input as none
	}
}

test_argument_is if {
	tg.argument_is("mode", "read") with input as _with({"mode": "read"})
	tg.argument_is("mode", ["read"]) with input as _with({"mode": ["read"]})
	tg.argument_is("mode", "Read") == false with input as _with({"mode": "read"})
	tg.argument_is("count", "1") == false with input as _with({"count": 1})
	every none in _no_arguments {
		tg.argument_is("mode", "read") == false with input as none
	}
}

# Nothing is not a value: neither absent nor null equals what is asked for.
test_argument_that_is_absent_is_not_null if {
	tg.argument_is("mode", null) == false with input as _with({})
	tg.argument_is("mode", null) == false with input as _with({"mode": null})
	tg.argument_in("mode", [null]) == false with input as _with({})
}

test_argument_in if {
	tg.argument_in("mode", ["read", "list"]) with input as _with({"mode": "list"})
	tg.argument_in("mode", {"read", "list"}) with input as _with({"mode": "list"})
	tg.argument_in("mode", ["read"]) == false with input as _with({"mode": "list"})
	tg.argument_in("mode", ["read"]) == false with input as _with({"mode": ["read"]})
	tg.argument_in("mode", "list") == false with input as _with({"mode": "list"})
	every none in _no_arguments {
		tg.argument_in("mode", ["read"]) == false with input as none
	}
}

test_argument_between if {
	tg.argument_between("rows", 1, 100) with input as _with({"rows": 1})
	tg.argument_between("rows", 1, 100) with input as _with({"rows": 100})
	tg.argument_between("rows", 1, 100) == false with input as _with({"rows": 0})
	tg.argument_between("rows", 1, 100) == false with input as _with({"rows": 100.5})
	tg.argument_between("rows", 1, 100) == false with input as _with({"rows": "50"})
	tg.argument_between("rows", 1, 100) == false with input as _with({"rows": [50]})
	every none in _no_arguments {
		tg.argument_between("rows", 1, 100) == false with input as none
	}
}

# Rego compares any two values: without a check of types every number is below every string.
test_argument_between_bounds_of_the_wrong_type if {
	tg.argument_between("rows", null, 100) == false with input as _with({"rows": 50})
	tg.argument_between("rows", 1, "100") == false with input as _with({"rows": 50})
}
