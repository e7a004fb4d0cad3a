package toolgate.lib

# METADATA
# title: Levels of sensitivity
# description: The four levels and their ranks.
sensitivity_levels := {"public": 0, "internal": 1, "sensitive": 2, "restricted": 3}

# METADATA
# title: Sensitivity is at most
# description: True if both are known levels and the first is not above the second.
# custom:
#   example: |
#     record_is_internal if tg.sensitivity_at_most(data.billing.record_types[input.arguments.type], "internal")
#
#     deny contains {"code": "billing.sensitivity"} if {
#       tg.is_call("update_billing_record")
#       not record_is_internal
#     }
sensitivity_at_most(level, limit) if {
	sensitivity_levels[level] <= sensitivity_levels[limit]
} else := false

# METADATA
# title: The principal is cleared for
# description: True if `input.principal.attributes.clearance` is a known level and covers the given one.
# custom:
#   example: |
#     allow contains "files.read" if tg.clearance_covers("sensitive")
clearance_covers(level) if {
	sensitivity_at_most(level, input.principal.attributes.clearance)
} else := false
