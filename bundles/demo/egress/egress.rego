# METADATA
# title: No account numbers in e-mail
# description: |
#   In shadow: what it would refuse is recorded and changes nothing, until it is known whom it
#   would hit.
# custom:
#   toolgate:
#     servers: [demo]
#     enforcement: shadow
package policies.egress

import data.toolgate.lib as tg

body_has_iban if {
	is_string(input.arguments.body)
	regex.match(`[A-Z]{2}[0-9]{2}( ?[A-Z0-9]{4}){2,7}`, input.arguments.body)
}

# Only of a body that is text can it be said that it holds none.
body_is_clean if {
	tg.argument_length_at_most("body", 2000)
	is_string(input.arguments.body)
	not body_has_iban
}

deny contains {"code": "egress.iban", "message": "the body seems to hold an account number"} if {
	tg.is_call("send_email")
	not body_is_clean
}
