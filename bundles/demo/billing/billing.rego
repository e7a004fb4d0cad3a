# METADATA
# title: Who may change billing records
# description: |
#   Finance, for the purpose of billing, in business hours where the agent works, and only records
#   that are internal at most.
# custom:
#   toolgate:
#     servers: [billing]
package policies.billing

import data.toolgate.lib as tg

may_update if {
	tg.is_tool("update_billing_record")
	tg.has_role("finance")
}

# A type that is not in the data has no sensitivity, and so is not internal at most.
record_is_internal_at_most if {
	tg.sensitivity_at_most(data.billing.record_types[input.arguments.record_type], "internal")
}

allow contains "billing.update" if may_update

visible contains "billing.update" if may_update

deny contains {"code": "billing.role", "message": "billing records are changed by finance"} if {
	tg.is_tool("update_billing_record")
	not tg.has_role("finance")
}

deny contains {"code": "billing.sensitivity", "message": "the record is more than internal"} if {
	tg.is_call("update_billing_record")
	not record_is_internal_at_most
}

deny contains {"code": "billing.hours", "message": "billing records are changed in business hours"} if {
	tg.is_call("update_billing_record")
	not tg.in_business_hours
}

deny contains {"code": "billing.purpose", "message": "the purpose has to be billing"} if {
	tg.is_call("update_billing_record")
	not tg.purpose_in(["billing"])
}

constrain contains {"type": "audit", "level": "full", "durable": true} if tg.is_call("update_billing_record")
