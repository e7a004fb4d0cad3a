package toolgate.lib

# Only these methods carry the name of a tool. A prompt or a resource may have the same name.
_tool_methods := {"tools/call", "tools/list"}

_arguments_may_be_absent if input.phase in {"list", "result"}

# METADATA
# title: Is this tool
# description: |
#   True if the message concerns the tool of this name: its call, its result or its entry in
#   `tools/list`. Unlike `input.mcp.name == "x"`, a prompt or a resource of that name is none.
# custom:
#   example: |
#     allow contains "contracts.read" if tg.is_tool("read_contract")
is_tool(name) if {
	input.mcp.method in _tool_methods
	name == input.mcp.name
} else := false

# METADATA
# title: Is one of these tools
# description: As `is_tool`, for a list or a set of names.
# custom:
#   example: |
#     visible contains "crm.list" if tg.is_any_tool(["read_customer_record", "search_customers"])
is_any_tool(names) if {
	input.mcp.method in _tool_methods
	input.mcp.name in names
} else := false

# METADATA
# title: Is a call of this tool
# description: |
#   True if a call of this tool is judged, and not its result or its entry in a list: there the
#   arguments may be absent. For what is said of arguments and of approvals.
# custom:
#   example: |
#     deny contains {"code": "crm.note.length"} if {
#       tg.is_call("update_customer_note")
#       not tg.argument_length_at_most("note", 500)
#     }
is_call(name) if {
	is_tool(name)
	not _arguments_may_be_absent
} else := false
