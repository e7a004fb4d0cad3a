package toolgate.lib

# METADATA
# title: The purpose is one of these
# description: True if `input.context.purpose` is one of a list or a set of purposes.
# custom:
#   example: |
#     deny contains {"code": "billing.purpose"} if {
#       tg.is_call("update_billing_record")
#       not tg.purpose_in(["billing"])
#     }
purpose_in(purposes) if {
	input.context.purpose in purposes
} else := false
