package toolgate.lib

# METADATA
# title: The argument names the principal's region
# description: |
#   True if the argument is a string, not empty, and equal to `input.principal.attributes.region`.
# custom:
#   example: |
#     deny contains {"code": "crm.region"} if {
#       tg.is_call("update_customer_note")
#       not tg.argument_in_own_region("region")
#     }
argument_in_own_region(name) if {
	is_string(_argument(name))
	_argument(name) != ""
	_argument(name) == input.principal.attributes.region
} else := false
