package toolgate.lib_test

import data.toolgate.lib as tg

_call := {"phase": "call", "mcp": {"method": "tools/call", "name": "read_contract"}}

_message(phase, method) := {"phase": phase, "mcp": {"method": method, "name": "read_contract"}}

test_is_tool_in_each_phase if {
	tg.is_tool("read_contract") with input as _call
	tg.is_tool("read_contract") with input as _message("result", "tools/call")
	tg.is_tool("read_contract") with input as _message("list", "tools/list")
}

test_is_tool_is_not_another_name if {
	tg.is_tool("sign_contract") == false with input as _call
	tg.is_tool("Read_contract") == false with input as _call
	tg.is_tool(null) == false with input as _call
}

test_is_tool_is_no_prompt_or_resource if {
	tg.is_tool("read_contract") == false with input as _message("call", "prompts/get")
	tg.is_tool("read_contract") == false with input as _message("call", "resources/read")
}

test_is_tool_needs_the_fields if {
	tg.is_tool("read_contract") == false with input as {}
	tg.is_tool("read_contract") == false with input as {"mcp": "read_contract"}
	tg.is_tool("read_contract") == false with input as {"mcp": {"name": "read_contract"}}
	tg.is_tool("read_contract") == false with input as {"mcp": {"method": "tools/call"}}
}

test_is_any_tool if {
	tg.is_any_tool(["sign_contract", "read_contract"]) with input as _call
	tg.is_any_tool({"sign_contract", "read_contract"}) with input as _call
	tg.is_any_tool(["sign_contract"]) == false with input as _call
	tg.is_any_tool([]) == false with input as _call
	tg.is_any_tool("read_contract") == false with input as _call
	tg.is_any_tool(["read_contract"]) == false with input as _message("call", "prompts/get")
	tg.is_any_tool(["read_contract"]) == false with input as {}
}

test_is_call_only_while_the_call_is_judged if {
	tg.is_call("read_contract") with input as _call
	tg.is_call("read_contract") == false with input as _message("result", "tools/call")
	tg.is_call("read_contract") == false with input as _message("list", "tools/list")
	tg.is_call("sign_contract") == false with input as _call
}

# A deny guarded by `is_call` must not fail open where the phase is not known.
test_is_call_without_a_phase if {
	tg.is_call("read_contract") with input as {"mcp": _call.mcp}
}
