package toolgate.lib_test

import data.toolgate.lib as tg

_regions(argument, own) := {
	"arguments": {"region": argument},
	"principal": {"attributes": {"region": own}},
}

test_argument_in_own_region if {
	tg.argument_in_own_region("region") with input as _regions("eu", "eu")
	tg.argument_in_own_region("region") == false with input as _regions("us", "eu")
	tg.argument_in_own_region("region") == false with input as _regions("EU", "eu")
}

test_argument_in_own_region_of_nothing if {
	tg.argument_in_own_region("region") == false with input as _regions("", "")
	tg.argument_in_own_region("region") == false with input as _regions(null, null)
	tg.argument_in_own_region("region") == false with input as _regions(1, 1)
	tg.argument_in_own_region("region") == false with input as {}
	tg.argument_in_own_region("region") == false with input as {"arguments": {"region": "eu"}}
	tg.argument_in_own_region("region") == false with input as {"principal": {"attributes": {"region": "eu"}}}
}
