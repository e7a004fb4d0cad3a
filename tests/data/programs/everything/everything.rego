# METADATA
# title: What tests let through of the MCP project's own test server
# custom:
#   toolgate:
#     servers: [everything]
package policies.everything

import data.toolgate.lib as tg

may_call if tg.is_any_tool(["echo", "get-annotated-message", "get-structured-content", "get-tiny-image"])

allow contains "everything.call" if may_call

visible contains "everything.call" if may_call

visible contains "everything.environment" if tg.is_tool("get-env")

deny contains {"code": "everything.environment", "message": "the environment may hold secrets"} if {
	tg.is_tool("get-env")
	not tg.has_role("administrator")
}
