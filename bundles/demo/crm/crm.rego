# METADATA
# title: Who may read, change and delete customer records
# description: |
#   Analysts read, in bounded portions; deleting is for CRM administrators. Agents that talk to
#   customers add notes of up to 500 characters to customers of their own region.
# custom:
#   toolgate:
#     servers: [crm]
package policies.crm

import data.toolgate.lib as tg

may_read if {
	tg.is_any_tool(["read_customer_record", "search_customers"])
	tg.has_role("analyst")
}

may_delete if {
	tg.is_tool("delete_customer_record")
	tg.has_role("crm_admin")
}

may_note if {
	tg.is_tool("update_customer_note")
	tg.has_any_role(["customer_facing", "crm_admin"])
}

allow contains "crm.read" if may_read

allow contains "crm.delete" if may_delete

allow contains "crm.note" if may_note

visible contains "crm.read" if may_read

visible contains "crm.delete" if may_delete

visible contains "crm.note" if may_note

deny contains {"code": "crm.delete", "message": "deleting customer records is for CRM administrators"} if {
	tg.is_tool("delete_customer_record")
	not tg.has_role("crm_admin")
}

deny contains {"code": "crm.note.length", "message": "a note has up to 500 characters"} if {
	tg.is_call("update_customer_note")
	not tg.argument_length_at_most("note", 500)
}

deny contains {"code": "crm.note.region", "message": "the customer is outside the agent's region"} if {
	tg.is_call("update_customer_note")
	not tg.argument_in_own_region("region")
}

constrain contains {"type": "mask_fields", "fields": ["email", "phone"]} if {
	tg.is_any_tool(["read_customer_record", "search_customers"])
	not tg.clearance_covers("sensitive")
}

constrain contains {"type": "limit_rows", "rows": 100} if tg.is_tool("search_customers")

constrain contains {"type": "audit", "level": "full", "durable": true} if tg.is_call("delete_customer_record")
