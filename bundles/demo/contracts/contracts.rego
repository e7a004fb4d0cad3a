# METADATA
# title: Who may read and sign contracts
# description: |
#   Internal agents read everything. Agents that talk to customers read contracts without personal
#   data and internal notes. Only internal agents sign, and legal approves each signature.
# custom:
#   toolgate:
#     servers: [demo]
package policies.contracts

import data.toolgate.lib as tg

may_read if {
	tg.is_tool("read_contract")
	tg.has_any_role(["internal", "customer_facing"])
}

may_sign if {
	tg.is_tool("sign_contract")
	tg.has_role("internal")
}

reads_for_customer if {
	tg.is_tool("read_contract")
	not tg.has_role("internal")
}

allow contains "contracts.read" if may_read

allow contains "contracts.sign" if may_sign

visible contains "contracts.read" if may_read

visible contains "contracts.sign" if may_sign

approve contains {"by": ["legal"], "code": "contracts.sign"} if tg.is_call("sign_contract")

constrain contains {"type": "mask_fields", "fields": ["email", "phone", "iban"]} if reads_for_customer

constrain contains {"type": "drop_fields", "fields": ["internal_notes"]} if reads_for_customer

constrain contains {"type": "limit_bytes", "bytes": 65536} if reads_for_customer
