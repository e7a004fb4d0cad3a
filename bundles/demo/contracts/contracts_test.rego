package policies.contracts_test

import data.policies.contracts

_message(phase, method, name, roles) := {
	"phase": phase,
	"mcp": {"server": "demo", "method": method, "name": name},
	"principal": {"id": "a", "roles": roles},
}

_call(name, roles) := _message("call", "tools/call", name, roles)

_types(obligations) := {obligation.type | some obligation in obligations}

test_read if {
	contracts.allow == {"contracts.read"} with input as _call("read_contract", ["internal"])
	contracts.allow == {"contracts.read"} with input as _call("read_contract", ["customer_facing"])
	contracts.allow == set() with input as _call("read_contract", ["analyst"])
	contracts.allow == set() with input as _call("read_contract", [])
}

test_read_constrains_all_but_internal_agents if {
	owed := {"mask_fields", "drop_fields", "limit_bytes"}
	contracts.constrain == set() with input as _call("read_contract", ["internal"])
	_types(contracts.constrain) == owed with input as _call("read_contract", ["customer_facing"])
	_types(contracts.constrain) == owed with input as _call("read_contract", null)
	_types(contracts.constrain) == owed with input as _message("result", "tools/call", "read_contract", ["customer_facing"])
	contracts.constrain == set() with input as _call("sign_contract", ["customer_facing"])
}

test_sign if {
	contracts.allow == {"contracts.sign"} with input as _call("sign_contract", ["internal"])
	contracts.allow == set() with input as _call("sign_contract", ["customer_facing"])
}

test_sign_is_approved_by_legal_once if {
	contracts.approve == {{"by": ["legal"], "code": "contracts.sign"}} with input as _call("sign_contract", ["internal"])
	contracts.approve == set() with input as _message("result", "tools/call", "sign_contract", ["internal"])
	contracts.approve == set() with input as _call("read_contract", ["internal"])
}

test_visible if {
	contracts.visible == {"contracts.read"} with input as _message("list", "tools/list", "read_contract", ["customer_facing"])
	contracts.visible == {"contracts.sign"} with input as _message("list", "tools/list", "sign_contract", ["internal"])
	contracts.visible == set() with input as _message("list", "tools/list", "sign_contract", ["customer_facing"])
	contracts.visible == set() with input as _message("list", "tools/list", "send_email", ["internal"])
}

test_a_prompt_or_a_resource_is_not_a_tool if {
	contracts.allow == set() with input as _message("call", "prompts/get", "read_contract", ["internal"])
	contracts.allow == set() with input as _message("call", "resources/read", "sign_contract", ["internal"])
}
