package toolgate.lib

# The principal's roles and every role that these include, by `data.directory.role_includes`.
_effective_roles contains role if some role in _held_roles

_effective_roles contains role if some role in _including_roles

# What includes nothing itself, `graph.reachable` leaves out.
_effective_roles contains role if {
	some including in _including_roles
	role := data.directory.role_includes[including][_]
	is_string(role)
}

_held_roles contains role if {
	is_array(input.principal.roles)
	role := input.principal.roles[_]
	is_string(role)
}

_including_roles contains role if {
	reachable := graph.reachable(data.directory.role_includes, _held_roles)
	is_set(reachable)
	role := reachable[_]
	is_string(role)
}

# METADATA
# title: Has a role
# description: |
#   True if the principal has the role, or one that includes it by `data.directory.role_includes`
#   (a role's name → a list of roles; cycles do no harm).
# custom:
#   example: |
#     allow contains "billing.update" if tg.has_role("finance")
has_role(role) if {
	role in _effective_roles
} else := false

# METADATA
# title: Has one of these roles
# description: As `has_role`, for one of a list or a set of roles.
# custom:
#   example: |
#     allow contains "contracts.read" if tg.has_any_role(["internal", "customer_facing"])
has_any_role(names) if {
	count({role | some role in _effective_roles; role in names}) > 0
} else := false

# METADATA
# title: Has at least this role's rank
# description: |
#   True if a role of the principal, or one that it includes, ranks as high as the given one, by
#   `data.directory.role_ranks` (a role's name → a number). A role without a rank is below every
#   other; as the minimum, nobody reaches it.
# custom:
#   example: |
#     allow contains "reports.read" if tg.has_minimum_role("analyst")
has_minimum_role(minimum) if {
	is_number(data.directory.role_ranks[minimum])
	count({role | some role in _effective_roles; _ranks_at_least(role, minimum)}) > 0
} else := false

_ranks_at_least(role, minimum) if {
	is_number(data.directory.role_ranks[role])
	data.directory.role_ranks[role] >= data.directory.role_ranks[minimum]
}
