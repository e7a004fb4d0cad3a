# METADATA
# title: Who may send e-mail and write to the event log
# description: |
#   Agents that talk to customers write to known domains, and answers go to support. A body has up
#   to 2,000 characters. Every known agent writes to the event log.
# custom:
#   toolgate:
#     servers: [demo]
package policies.messaging

import data.toolgate.lib as tg

may_send if {
	tg.is_tool("send_email")
	tg.has_any_role(["internal", "customer_facing"])
}

sends_to_customer if {
	tg.is_call("send_email")
	not tg.has_role("internal")
}

# One plain address, so that no other can hide behind the domain that is looked at.
recipient_is_customer if {
	is_string(input.arguments.to)
	regex.match(`^[A-Za-z0-9._+\-]+@[A-Za-z0-9.\-]+$`, input.arguments.to)
	split(lower(input.arguments.to), "@")[1] in data.messaging.customer_domains
}

allow contains "messaging.send" if may_send

allow contains "messaging.log" if tg.is_tool("log_event")

visible contains "messaging.send" if may_send

visible contains "messaging.log" if tg.is_tool("log_event")

deny contains {"code": "messaging.recipient", "message": "the recipient's domain is not allowed"} if {
	sends_to_customer
	not recipient_is_customer
}

deny contains {"code": "messaging.length", "message": "a body has up to 2,000 characters"} if {
	tg.is_call("send_email")
	not tg.argument_length_at_most("body", 2000)
}

constrain contains {
	"type": "rewrite_arguments",
	"patch": [{"op": "add", "path": "/reply_to", "value": "support@example.com"}],
} if {
	sends_to_customer
}

constrain contains {"type": "audit", "level": "full", "durable": true} if sends_to_customer
