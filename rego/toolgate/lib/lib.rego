# METADATA
# title: The toolgate policy library
# description: |
#   What policy authors need daily, in one import: `import data.toolgate.lib as tg`.
#
#   Every helper is total: it is true only if what it says is proven, and false in every other
#   case (the field is missing, of another type, unknown). So write a helper plainly to grant,
#   and under `not` to refuse: `deny contains … if not tg.argument_length_at_most("note", 500)`.
#
#   Helpers take the names of arguments and attributes, not their values: a call with an undefined
#   value is undefined, and OPA lets `not f(undefined)` fail. Where a value may be missing, give the
#   call a rule of its own and negate the rule.
package toolgate.lib
