package policies.crm_test

import data.policies.crm

_call(name, principal, arguments) := {
	"phase": "call",
	"mcp": {"server": "crm", "method": "tools/call", "name": name},
	"principal": principal,
	"arguments": arguments,
}

_analyst := {"roles": ["analyst"], "attributes": {"region": "eu", "clearance": "internal"}}

_customer_facing := {"roles": ["customer_facing"], "attributes": {"region": "eu", "clearance": "public"}}

_admin := {"roles": ["crm_admin"], "attributes": {"region": "us", "clearance": "sensitive"}}

_codes(denies) := {reason.code | some reason in denies}

_types(obligations) := {obligation.type | some obligation in obligations}

_note(note, region) := _call("update_customer_note", _customer_facing, {"note": note, "region": region})

test_read if {
	crm.allow == {"crm.read"} with input as _call("read_customer_record", _analyst, {})
	crm.allow == {"crm.read"} with input as _call("search_customers", _analyst, {})
	crm.allow == {"crm.read"} with input as _call("read_customer_record", _admin, {})
	crm.allow == set() with input as _call("read_customer_record", _customer_facing, {})
}

test_read_constrains if {
	_types(crm.constrain) == {"mask_fields"} with input as _call("read_customer_record", _analyst, {})
	_types(crm.constrain) == {"mask_fields", "limit_rows"} with input as _call("search_customers", _analyst, {})
	_types(crm.constrain) == {"limit_rows"} with input as _call("search_customers", _admin, {})
	_types(crm.constrain) == {"mask_fields"} with input as _call("read_customer_record", {"roles": ["analyst"]}, {})
}

test_delete if {
	crm.allow == {"crm.delete"} with input as _call("delete_customer_record", _admin, {})
	crm.deny == set() with input as _call("delete_customer_record", _admin, {})
	_types(crm.constrain) == {"audit"} with input as _call("delete_customer_record", _admin, {})
	crm.allow == set() with input as _call("delete_customer_record", _analyst, {})
	_codes(crm.deny) == {"crm.delete"} with input as _call("delete_customer_record", _analyst, {})
	_codes(crm.deny) == {"crm.delete"} with input as _call("delete_customer_record", {}, {})
}

test_note if {
	crm.allow == {"crm.note"} with input as _note("called back", "eu")
	crm.deny == set() with input as _note("called back", "eu")
	crm.allow == set() with input as _call("update_customer_note", _analyst, {"note": "x", "region": "eu"})
}

_ten_times(text) := replace(text, "x", "xxxxxxxxxx")

_500_characters := _ten_times(_ten_times("xxxxx"))

test_note_length if {
	crm.deny == set() with input as _note(_500_characters, "eu")
	_codes(crm.deny) == {"crm.note.length"} with input as _note(concat("", [_500_characters, "x"]), "eu")
	_codes(crm.deny) == {"crm.note.length"} with input as _note(["called back"], "eu")
}

test_note_region if {
	_codes(crm.deny) == {"crm.note.region"} with input as _note("called back", "us")
	_codes(crm.deny) == {"crm.note.region"} with input as _note("called back", null)
}

test_note_without_arguments if {
	_codes(crm.deny) == {"crm.note.length", "crm.note.region"} with input as _call("update_customer_note", _customer_facing, {})
}

test_visible if {
	crm.visible == {"crm.read"} with input as _call("search_customers", _analyst, {})
	crm.visible == {"crm.delete"} with input as _call("delete_customer_record", _admin, {})
	crm.visible == {"crm.note"} with input as _call("update_customer_note", _customer_facing, {})
	crm.visible == set() with input as _call("delete_customer_record", _analyst, {})
}
