package toolgate.lib

# METADATA
# title: The argument is text of at most this length
# description: |
#   True if the argument is a string of at most `limit` characters (Unicode code points).
# custom:
#   example: |
#     deny contains {"code": "crm.note.length"} if not tg.argument_length_at_most("note", 500)
argument_length_at_most(name, limit) if {
	is_number(limit)
	is_string(_argument(name))

	# `count` is of code points in one evaluator and of UTF-16 units in another, of which a code
	# point has at most two: this keeps a long text from being split at all.
	count(_argument(name)) <= 2 * limit
	count(split(_argument(name), "")) <= limit
} else := false

# METADATA
# title: The argument matches a pattern
# description: |
#   True if the argument is a string and the regular expression matches the whole of it. Write
#   `[0-9]` and `[A-Za-z0-9_]`, not `\d` and `\w`: these mean other alphabets' digits and letters
#   to one evaluator and not to another.
# custom:
#   example: |
#     deny contains {"code": "crm.id"} if not tg.argument_matches("id", `C-[0-9]{6}`)
argument_matches(name, pattern) if {
	is_string(pattern)
	regex.is_valid(pattern)
	is_string(_argument(name))
	regex.match(concat("", [`\A(?:`, pattern, `)\z`]), _argument(name))
} else := false
