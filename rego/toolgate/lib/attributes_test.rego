package toolgate.lib_test

import data.toolgate.lib as tg

_in_finance := {"principal": {"attributes": {"department": "finance", "level": 3}}}

test_attribute_is if {
	tg.attribute_is("department", "finance") with input as _in_finance
	tg.attribute_is("level", 3) with input as _in_finance
	tg.attribute_is("level", "3") == false with input as _in_finance
	tg.attribute_is("department", "legal") == false with input as _in_finance
	tg.attribute_is("region", "eu") == false with input as _in_finance
	tg.attribute_is(7, "eu") == false with input as _in_finance
	tg.attribute_is("department", "finance") == false with input as {"principal": {"attributes": "finance"}}
	tg.attribute_is("department", null) == false with input as {}
}

test_attribute_in if {
	tg.attribute_in("department", ["finance", "legal"]) with input as _in_finance
	tg.attribute_in("department", {"finance", "legal"}) with input as _in_finance
	tg.attribute_in("department", ["legal"]) == false with input as _in_finance
	tg.attribute_in("department", "finance") == false with input as _in_finance
	tg.attribute_in("region", ["eu", null]) == false with input as _in_finance
	tg.attribute_in("department", ["finance"]) == false with input as {}
}
