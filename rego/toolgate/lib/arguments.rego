package toolgate.lib

# An argument is named by its name, or by a path of names and positions where it is nested:
# `"note"`, `["customer", "region"]`. A null argument is as an absent one.
_argument(name) := object.get(input, array.concat(["arguments"], _argument_path(name)), null)

_argument_path(name) := name if {
	is_array(name)
} else := [name]

# METADATA
# title: The argument is present
# description: True if there is such an argument and it is not null.
# custom:
#   example: |
#     deny contains {"code": "crm.ticket_missing"} if {
#       tg.is_call("update_customer_note")
#       not tg.argument_present("ticket")
#     }
argument_present(name) if {
	_argument(name) != null
} else := false

# METADATA
# title: No other arguments
# description: True if the arguments are an object and every name in it is one of a list or a set.
# custom:
#   example: |
#     deny contains {"code": "crm.unknown_argument"} if {
#       tg.is_call("update_customer_note")
#       not tg.arguments_only(["id", "note"])
#     }
arguments_only(names) if {
	is_object(input.arguments)
	object.remove(input.arguments, names) == {}
} else := false

# METADATA
# title: The argument has this value
# description: True if the argument is exactly this value.
# custom:
#   example: |
#     allow contains "files.read" if tg.argument_is("mode", "read")
argument_is(name, value) if {
	_argument(name) != null
	_argument(name) == value
} else := false

# METADATA
# title: The argument is one of these
# description: True if the argument is one of a list or a set of values.
# custom:
#   example: |
#     deny contains {"code": "files.mode"} if {
#       tg.is_call("read_file")
#       not tg.argument_in("mode", ["read", "list"])
#     }
argument_in(name, values) if {
	_argument(name) != null
	_argument(name) in values
} else := false

# METADATA
# title: The argument is in range
# description: True if the argument is a number, not below `low` and not above `high`.
# custom:
#   example: |
#     deny contains {"code": "crm.page_size"} if {
#       tg.is_call("update_customer_note")
#       not tg.argument_between("limit", 1, 100)
#     }
argument_between(name, low, high) if {
	is_number(low)
	is_number(high)
	is_number(_argument(name))
	_argument(name) >= low
	_argument(name) <= high
} else := false
