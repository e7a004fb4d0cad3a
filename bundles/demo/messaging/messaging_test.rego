package policies.messaging_test

import data.policies.messaging

_call(name, roles, arguments) := {
	"phase": "call",
	"mcp": {"server": "demo", "method": "tools/call", "name": name},
	"principal": {"id": "a", "roles": roles},
	"arguments": arguments,
}

_email(role, to) := _call("send_email", [role], {"to": to, "body": "hello"})

_codes(denies) := {reason.code | some reason in denies}

test_send if {
	messaging.allow == {"messaging.send"} with input as _email("internal", "ann@elsewhere.example")
	messaging.allow == {"messaging.send"} with input as _email("customer_facing", "ann@example.com")
	messaging.allow == set() with input as _email("analyst", "ann@example.com")
}

test_visible if {
	messaging.visible == {"messaging.send"} with input as _email("internal", "ann@example.com")
	messaging.visible == set() with input as _email("analyst", "ann@example.com")
	messaging.visible == {"messaging.log"} with input as _call("log_event", ["analyst"], {})
}

test_log if {
	messaging.allow == {"messaging.log"} with input as _call("log_event", [], {"message": "done"})
}

test_recipient if {
	every to in ["ann@example.com", "ANN@Example.Com", "a.b+c@customer.example"] {
		messaging.deny == set() with input as _email("customer_facing", to)
	}
	every to in [
		"ann@evil.example", "ann@mail.example.com", "ann@example.com.evil.example", "ann", "@example.com", "",
		"ann@example.com,eve@evil.example", "Ann <ann@example.com>", "ann@example.com\n", "a@b@example.com",
		["ann@example.com"], 7, null,
	] {
		_codes(messaging.deny) == {"messaging.recipient"} with input as _email("customer_facing", to)
	}
}

test_recipient_of_internal_agents_is_free if {
	messaging.deny == set() with input as _email("internal", "ann@elsewhere.example")
}

_ten_times(text) := replace(text, "x", "xxxxxxxxxx")

test_length if {
	at_limit := _ten_times(_ten_times(_ten_times("xx")))
	messaging.deny == set() with input as _call("send_email", ["internal"], {"body": at_limit})
	longer := concat("", [at_limit, "c"])
	_codes(messaging.deny) == {"messaging.length"} with input as _call("send_email", ["internal"], {"body": longer})
	_codes(messaging.deny) == {"messaging.length"} with input as _call("send_email", ["internal"], {})
	_codes(messaging.deny) == {"messaging.length"} with input as _call("send_email", ["internal"], {"body": ["a"]})
}

test_constrain if {
	patch := [{"op": "add", "path": "/reply_to", "value": "support@example.com"}]
	messaging.constrain == {
		{"type": "rewrite_arguments", "patch": patch},
		{"type": "audit", "level": "full", "durable": true},
	} with input as _email("customer_facing", "ann@example.com")
	messaging.constrain == set() with input as _email("internal", "ann@example.com")
	messaging.constrain == set() with input as _call("log_event", ["customer_facing"], {})
}
