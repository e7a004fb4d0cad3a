package toolgate.lib

# METADATA
# title: The argument is text of at most this length
# description: |
#   True if the argument is a string of at most `limit` characters (Unicode code points).
# custom:
#   example: |
#     deny contains {"code": "crm.note.length"} if {
#       tg.is_call("update_customer_note")
#       not tg.argument_length_at_most("note", 500)
#     }
argument_length_at_most(name, limit) if {
	is_number(limit)
	limit >= 0
	is_string(_argument(name))

	# Not by `count`, which counts UTF-16 units in one evaluator and code points in another.
	substring(_argument(name), 0, limit) == _argument(name)
} else := false

# METADATA
# title: The argument is made of these characters
# description: |
#   True if the argument is a string, not empty, and each of its characters is one of `characters`.
# custom:
#   example: |
#     deny contains {"code": "crm.id"} if {
#       tg.is_call("update_customer_note")
#       not tg.argument_made_of("id", "0123456789")
#     }
argument_made_of(name, characters) if {
	is_string(_argument(name))
	_argument(name) != ""
	trim(_argument(name), characters) == ""
} else := false

# METADATA
# title: The argument matches this pattern
# description: |
#   True if the argument is a string that the pattern matches. Write the pattern out where you call
#   this, so that it is checked when the set is loaded; `^` and `$` make it match the whole text.
# custom:
#   example: |
#     deny contains {"code": "crm.id"} if {
#       tg.is_call("update_customer_note")
#       not tg.argument_matches("id", `^C-[0-9]{6}$`)
#     }
argument_matches(name, pattern) if {
	is_string(_argument(name))
	regex.match(pattern, _argument(name))
} else := false
