package toolgate.lib_test

import data.toolgate.lib as tg

_for_billing := {"context": {"purpose": "billing"}}

test_purpose_in if {
	tg.purpose_in(["billing", "audit"]) with input as _for_billing
	tg.purpose_in({"billing"}) with input as _for_billing
	tg.purpose_in(["analytics"]) == false with input as _for_billing
	tg.purpose_in("billing") == false with input as _for_billing
	tg.purpose_in([]) == false with input as _for_billing
	tg.purpose_in(["billing", null]) == false with input as {"context": {}}
	tg.purpose_in(["billing"]) == false with input as {"context": "billing"}
	tg.purpose_in(["billing"]) == false with input as {}
}
