package policies.egress_test

import data.policies.egress

_email(body) := {
	"phase": "call",
	"mcp": {"server": "demo", "method": "tools/call", "name": "send_email"},
	"arguments": {"body": body},
}

test_clean if {
	every body in ["", "Your contract C-1234 is ready.", "Call +49 30 1234567, room AB12."] {
		egress.deny == set() with input as _email(body)
	}
}

test_account_number if {
	every body in ["pay to ES91 2100 0418 4502 0005 1332.", "GB29NWBK60161331926819"] {
		{reason.code | some reason in egress.deny} == {"egress.iban"} with input as _email(body)
	}
}

test_what_cannot_be_read_is_not_clean if {
	every body in [7, null, ["a"]] {
		{reason.code | some reason in egress.deny} == {"egress.iban"} with input as _email(body)
	}
}

test_other_tools if {
	egress.deny == set() with input as {"phase": "call", "mcp": {"method": "tools/call", "name": "log_event"}}
}
