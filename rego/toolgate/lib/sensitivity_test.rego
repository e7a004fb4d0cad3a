package toolgate.lib_test

import data.toolgate.lib as tg

test_sensitivity_at_most_is_the_order_of_the_levels if {
	every level, rank in tg.sensitivity_levels {
		every limit, limit_rank in tg.sensitivity_levels {
			expected := rank <= limit_rank
			tg.sensitivity_at_most(level, limit) == expected
		}
	}
}

test_sensitivity_at_most_with_an_unknown_level if {
	every unknown in ["secret", "Public", "", 0, null, ["public"]] {
		tg.sensitivity_at_most(unknown, "restricted") == false
		tg.sensitivity_at_most("public", unknown) == false
		tg.sensitivity_at_most(unknown, unknown) == false
	}
}

_cleared(clearance) := {"principal": {"attributes": {"clearance": clearance}}}

test_clearance_covers if {
	tg.clearance_covers("internal") with input as _cleared("sensitive")
	tg.clearance_covers("sensitive") with input as _cleared("sensitive")
	tg.clearance_covers("restricted") == false with input as _cleared("sensitive")
	tg.clearance_covers("secret") == false with input as _cleared("restricted")
	tg.clearance_covers("public") == false with input as _cleared("all")
	tg.clearance_covers("public") == false with input as _cleared(3)
	tg.clearance_covers("public") == false with input as {}
}
