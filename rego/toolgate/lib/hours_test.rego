package toolgate.lib_test

import data.toolgate.lib as tg

_at(moment, zone) := {
	"time": {"ns": time.parse_rfc3339_ns(moment)},
	"principal": {"attributes": {"tz": zone}},
}

# 2026-11-20 is a Friday, and Berlin is an hour ahead of UTC.
test_in_business_hours_at_the_edges if {
	every moment, expected in {
		"2026-11-20T07:59:59Z": false,
		"2026-11-20T08:00:00Z": true,
		"2026-11-20T15:59:59Z": true,
		"2026-11-20T16:00:00Z": false,
		"2026-11-21T10:00:00Z": false,
		"2026-11-22T10:00:00Z": false,
		"2026-11-23T10:00:00Z": true,
	} {
		tg.in_business_hours == expected with input as _at(moment, "Europe/Berlin")
	}
}

# Friday 22:30 in UTC is Saturday morning in Auckland; Sunday 22:30 is Monday morning.
test_in_business_hours_by_the_zones_own_day if {
	tg.in_business_hours == false with input as _at("2026-11-20T22:30:00Z", "Pacific/Auckland")
	tg.in_business_hours with input as _at("2026-11-22T22:30:00Z", "Pacific/Auckland")
}

test_in_business_hours_in_summer_time if {
	tg.in_business_hours with input as _at("2026-07-03T07:00:00Z", "Europe/Berlin")
	tg.in_business_hours == false with input as _at("2026-07-03T15:00:00Z", "Europe/Berlin")
}

# `Local` and the empty zone would be accepted by `time.clock`.
test_in_business_hours_needs_a_known_zone if {
	every zone in ["Local", "", "Mars/Base", "europe", 1, null, ["UTC"], "../etc/passwd"] {
		tg.in_business_hours == false with input as _at("2026-11-20T10:00:00Z", zone)
	}
	tg.in_business_hours with input as _at("2026-11-20T10:00:00Z", "UTC")
	tg.in_business_hours with input as _at("2026-11-20T16:00:00Z", "America/Argentina/Buenos_Aires")
}

test_in_business_hours_needs_the_fields if {
	tg.in_business_hours == false with input as {}
	tg.in_business_hours == false with input as {"principal": {"attributes": {"tz": "UTC"}}}
	every ns in ["1795168800000000000", null, [], 1.5] {
		tg.in_business_hours == false with input as {"time": {"ns": ns}, "principal": {"attributes": {"tz": "UTC"}}}
	}
}

_friday_at_half_past_five := _at("2026-11-20T17:30:00Z", "UTC")

test_within_hours if {
	tg.within_hours("UTC", ["Friday"], 17, 24) with input as _friday_at_half_past_five
	tg.within_hours("UTC", {"Friday"}, 0, 18) with input as _friday_at_half_past_five
	tg.within_hours("UTC", ["Friday"], 0, 17) == false with input as _friday_at_half_past_five
	tg.within_hours("UTC", ["Friday"], 18, 24) == false with input as _friday_at_half_past_five
	tg.within_hours("UTC", ["Monday"], 0, 24) == false with input as _friday_at_half_past_five
	tg.within_hours("UTC", ["Friday"], 22, 18) == false with input as _friday_at_half_past_five
}

test_within_hours_with_arguments_of_the_wrong_type if {
	tg.within_hours("UTC", "Friday", 0, 24) == false with input as _friday_at_half_past_five
	tg.within_hours("UTC", null, 0, 24) == false with input as _friday_at_half_past_five
	tg.within_hours("UTC", ["Friday"], "0", 24) == false with input as _friday_at_half_past_five
	tg.within_hours("UTC", ["Friday"], 0, "24") == false with input as _friday_at_half_past_five
	tg.within_hours("UTC", ["Friday"], null, 24) == false with input as _friday_at_half_past_five
	tg.within_hours("UTC", ["Friday"], 0, 25) == false with input as _friday_at_half_past_five
	tg.within_hours("UTC", ["Friday"], 0, 17.75) == false with input as _friday_at_half_past_five
	tg.within_hours("Local", ["Friday"], 0, 24) == false with input as _friday_at_half_past_five
}
