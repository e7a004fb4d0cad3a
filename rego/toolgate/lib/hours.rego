package toolgate.lib

_workdays := {"Monday", "Tuesday", "Wednesday", "Thursday", "Friday"}

_hours := {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24}

# `UTC` or an IANA name such as `Europe/Berlin`. Without this, `Local` would be the time zone of
# the machine that decides, and the decision could not be replayed elsewhere.
_is_time_zone(name) if {
	is_string(name)
	regex.match(`^(UTC|[A-Za-z_]+(/[A-Za-z0-9_+\-]+)+)$`, name)
} else := false

# METADATA
# title: Within hours
# description: |
#   True if the time of the input (`input.time.ns`), on the clocks of a time zone, is on one of
#   these days, not before the hour `from` and before the hour `to`. Days are a list or a set of
#   English names; hours are whole numbers from 0 to 24. A span over midnight is two spans.
# custom:
#   example: |
#     allow contains "ops.restart" if tg.within_hours("Europe/Berlin", ["Saturday", "Sunday"], 6, 22)
within_hours(zone, days, from, to) if {
	from in _hours
	to in _hours
	is_number(input.time.ns)
	_is_time_zone(zone)
	time.weekday([input.time.ns, zone]) in days
	time.clock([input.time.ns, zone])[0] >= from
	time.clock([input.time.ns, zone])[0] < to
} else := false

# METADATA
# title: In business hours
# description: |
#   True from Monday to Friday, from 9:00 to before 17:00 on the clocks of the principal's time
#   zone, `input.principal.attributes.tz`. Use `within_hours` for other hours.
# custom:
#   example: |
#     deny contains {"code": "billing.hours"} if {
#       tg.is_call("update_billing_record")
#       not tg.in_business_hours
#     }
default in_business_hours := false

in_business_hours if within_hours(input.principal.attributes.tz, _workdays, 9, 17)
