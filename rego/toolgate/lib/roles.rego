package toolgate.lib

_held_roles := {role |
	is_array(input.principal.roles)
	some role in input.principal.roles
	is_string(role)
}

_role_includes := {role: included |
	is_object(data.directory.role_includes)
	some role, included in data.directory.role_includes
	is_array(included)
}

_role_ranks := {role: rank |
	is_object(data.directory.role_ranks)
	some role, rank in data.directory.role_ranks
	is_number(rank)
}

# A role that includes others. `graph.reachable` leaves out what includes nothing.
_including_roles := graph.reachable(_role_includes, _held_roles)

_included_roles := {included |
	some role in _including_roles
	some included in _role_includes[role]
}

# METADATA
# title: Effective roles
# description: |
#   The set of the principal's roles and of every role that these include, by
#   `data.directory.role_includes` (a role's name → a list of roles; cycles do no harm).
# custom:
#   example: |
#     allow contains "crm.read" if "analyst" in tg.roles
roles := (_held_roles | _including_roles) | _included_roles

# METADATA
# title: Has a role
# description: True if the role is one of the principal's effective roles.
# custom:
#   example: |
#     allow contains "billing.update" if tg.has_role("finance")
has_role(role) := role in roles

# METADATA
# title: Has one of these roles
# description: True if one of the list or set is an effective role.
# custom:
#   example: |
#     allow contains "contracts.read" if tg.has_any_role(["internal", "customer_facing"])
has_any_role(names) := count(_members(names) & roles) > 0

# METADATA
# title: Has at least this role's rank
# description: |
#   True if an effective role ranks as high as the given one, by `data.directory.role_ranks` (a
#   role's name → a number). A role without a rank is below every other; as the minimum, nobody
#   reaches it.
# custom:
#   example: |
#     allow contains "reports.read" if tg.has_minimum_role("analyst")
has_minimum_role(minimum) := count(_roles_of_rank(minimum) & roles) > 0

_roles_of_rank(minimum) := {role |
	some role, rank in _role_ranks
	rank >= _role_ranks[minimum]
}
