package policies.billing_test

import data.policies.billing

_invoice := {
	"phase": "call",
	"time": {"ns": time.parse_rfc3339_ns("2026-11-20T10:00:00Z")},
	"mcp": {"server": "billing", "method": "tools/call", "name": "update_billing_record"},
	"principal": {"roles": ["finance"], "attributes": {"tz": "Europe/London"}},
	"arguments": {"record_type": "invoice"},
	"context": {"purpose": "billing"},
}

_changed(path, value) := json.patch(_invoice, [{"op": "replace", "path": path, "value": value}])

_without(path) := json.patch(_invoice, [{"op": "remove", "path": path}])

_codes := {reason.code | some reason in billing.deny}

test_update if {
	billing.allow == {"billing.update"} with input as _invoice
	billing.deny == set() with input as _invoice
	billing.visible == {"billing.update"} with input as _invoice
	billing.constrain == {{"type": "audit", "level": "full", "durable": true}} with input as _invoice
}

test_role if {
	_codes == {"billing.role"} with input as _changed("/principal/roles", ["analyst"])
	_codes == {"billing.role"} with input as _without("/principal/roles")
	billing.allow == set() with input as _changed("/principal/roles", ["analyst"])
	billing.visible == set() with input as _changed("/principal/roles", ["analyst"])
}

test_sensitivity if {
	_codes == set() with input as _changed("/arguments/record_type", "price_list")
	every record_type in ["payment_card", "barter", "", 7, null, ["invoice"]] {
		_codes == {"billing.sensitivity"} with input as _changed("/arguments/record_type", record_type)
	}
	_codes == {"billing.sensitivity"} with input as _without("/arguments")
}

test_hours if {
	_codes == {"billing.hours"} with input as _changed("/time/ns", time.parse_rfc3339_ns("2026-11-21T10:00:00Z"))
	_codes == {"billing.hours"} with input as _changed("/time/ns", time.parse_rfc3339_ns("2026-11-20T17:00:00Z"))
	_codes == {"billing.hours"} with input as _changed("/principal/attributes/tz", "Asia/Tokyo")
	_codes == {"billing.hours"} with input as _changed("/principal/attributes/tz", "Local")
	_codes == {"billing.hours"} with input as _without("/principal/attributes/tz")
	_codes == {"billing.hours"} with input as _without("/time")
}

test_purpose if {
	_codes == {"billing.purpose"} with input as _changed("/context/purpose", "analytics")
	_codes == {"billing.purpose"} with input as _without("/context")
}

test_other_tools_are_no_concern_of_it if {
	_codes == set() with input as _changed("/mcp/name", "read_billing_record")
	billing.allow == set() with input as _changed("/mcp/name", "read_billing_record")
}
