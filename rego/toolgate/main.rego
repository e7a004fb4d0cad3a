# METADATA
# title: The combination of policies, for OPA
# description: |
#   What toolgate's PDP does with the sets that the packages under `data.policies` return, in Rego,
#   so that `opa` evaluates the same bundle to the same verdict:
#   `opa eval -b rego -b bundles/demo -i input.json data.toolgate.main.decision`.
#   toolgate does not load this file. Obligations are listed as the packages gave them. What only
#   the PDP does: it reads operations of patches and pointers to fields, merges obligations (and
#   denies where two contradict each other), applies them, and judges rewritten arguments again.
package toolgate.main

# METADATA
# title: The verdict
# description: |
#   `effect`, `visible`, `reasons` (code, message, policy, origin, retryable), `obligations`
#   (policy, obligation), `approvals` (code, by, policy), `policies` and `shadow` (policy, effect,
#   codes).
# entrypoint: true
decision := {
	"effect": _effect(_enforced),
	"visible": _is_visible(_enforced),
	"reasons": _reasons,
	"obligations": _obligations,
	"approvals": _approvals,
	"policies": _contributing,
	"shadow": _shadow,
}

# --- which packages count

# `data.toolgate.scopes[package]`: `servers` (the package's METADATA), `grants` (what its bundle may
# speak for) and `enforcement`. toolgate exports it; what is absent does not restrict.
default _scopes := {}

_scopes := data.toolgate.scopes

_scope(package_name) := object.get(_scopes, package_name, {})

_applicable contains package_name if {
	some package_name, _ in data.policies
	_covers(_scope(package_name), "servers")
}

_may_grant contains package_name if {
	some package_name in _applicable
	_covers(_scope(package_name), "grants")
}

_covers(scope, part) if not part in object.keys(scope)

_covers(scope, part) if input.mcp.server in scope[part]

_in_shadow contains package_name if {
	some package_name in _applicable
	_scope(package_name).enforcement == "shadow"
}

_enforced := _applicable - _in_shadow

# --- what each package returned: all of it, or the one reason why it means nothing

_sound := _applicable - {package_name | some package_name, _ in _failures}

_denies[package_name] contains _reason(package_name, element) if {
	some package_name in _sound
	some element in data.policies[package_name].deny
}

_allows[package_name] contains _reason(package_name, element) if {
	some package_name in _sound
	some element in data.policies[package_name].allow
}

_grants[package_name] := _allows[package_name] if some package_name in _may_grant

_visibles[package_name] contains _reason(package_name, element) if {
	some package_name in (_sound & _may_grant)
	some element in data.policies[package_name].visible
}

_constrains[package_name] contains {"policy": package_name, "obligation": element} if {
	some package_name in _sound
	some element in data.policies[package_name].constrain
}

_approves[package_name] contains {"policy": package_name, "by": element.by, "code": element.code} if {
	some package_name in _sound
	some element in data.policies[package_name].approve
}

_reason(package_name, element) := {
	"code": element,
	"message": "",
	"policy": package_name,
	"origin": "policy",
	"retryable": false,
} if {
	is_string(element)
}

_reason(package_name, element) := {
	"code": element.code,
	"message": object.get(element, "message", ""),
	"policy": package_name,
	"origin": "policy",
	"retryable": object.get(element, "retryable", false),
} if {
	is_object(element)
}

_failures[package_name] := wrong[0] if {
	some package_name in _applicable
	returned := data.policies[package_name]
	wrong := array.concat(
		array.concat(_not_sets(package_name, returned), _wrong_reasons(package_name, returned)),
		array.concat(_wrong_obligations(package_name, returned), _wrong_approvals(package_name, returned)),
	)
	count(wrong) > 0
}

_not_sets(package_name, returned) := [failure |
	some name in ["visible", "allow", "deny", "constrain", "approve"]
	not is_set(object.get(returned, name, set()))
	failure := _own_reason("policy_error", "a policy could not be evaluated", "engine", package_name)
]

_wrong_reasons(package_name, returned) := [_wrong_shape(name, package_name) |
	some name in ["visible", "allow", "deny"]
	some element in returned[name]
	not _is_reason(element)
]

_wrong_approvals(package_name, returned) := [_wrong_shape("approve", package_name) |
	some element in returned.approve
	not _is_approval(element)
]

_wrong_obligations(package_name, returned) := [failure |
	some element in returned.constrain
	code := _obligation_failure(element)
	failure := _own_reason(code, "an obligation is not known or ill-formed", "engine", package_name)
]

_wrong_shape(name, package_name) := _own_reason("policy_result_invalid", message, "engine", package_name) if {
	message := concat("", ["an element of `", name, "` has the wrong shape"])
}

# --- shapes

_is_reason(value) if _is_code(value)

_is_reason(value) if {
	_has_only(value, {"code", "message", "retryable"})
	_is_code(value.code)
	is_string(object.get(value, "message", ""))
	_bytes(object.get(value, "message", "")) <= 1024
	is_boolean(object.get(value, "retryable", false))
}

_is_approval(value) if {
	_has_only(value, {"by", "code", "message"})
	_is_code(value.code)
	is_array(value.by)
	count(value.by) > 0
	every role in value.by {
		is_string(role)
	}
}

# One printable word.
_is_code(value) if {
	is_string(value)
	regex.match(`^[^\p{Z}\p{Cc}]+$`, value)
	_bytes(value) <= 128
}

_bytes(text) := count(hex.encode(text)) / 2

_has_only(value, names) if {
	is_object(value)
	object.keys(value) - names == set()
}

_obligation_failure(value) := "obligation_invalid" if {
	not _has_a_type(value)
} else := "obligation_unknown" if {
	not value.type in object.keys(_properties)
} else := "obligation_invalid" if {
	not _has_only(value, _properties[value.type] | {"type"})
} else := "obligation_invalid" if {
	not _is_obligation(value)
}

_properties := {
	"audit": {"level", "durable"},
	"drop_fields": {"fields"},
	"limit_bytes": {"bytes"},
	"limit_rows": {"rows"},
	"mask_fields": {"fields"},
	"rewrite_arguments": {"patch"},
}

_has_a_type(value) if {
	is_object(value)
	is_string(value.type)
}

_is_obligation(value) if {
	value.type in {"mask_fields", "drop_fields"}
	_is_list(value.fields, 256)
	every field in value.fields {
		is_string(field)
		field != ""
		_bytes(field) <= 256
	}
}

_is_obligation(value) if {
	value.type == "limit_rows"
	_is_count(value.rows)
}

_is_obligation(value) if {
	value.type == "limit_bytes"
	_is_count(value.bytes)
}

_is_obligation(value) if {
	value.type == "rewrite_arguments"
	_is_list(value.patch, 64)
	every operation in value.patch {
		operation.op in {"add", "remove", "replace", "move", "copy", "test"}
		is_string(operation.path)
	}
}

_is_obligation(value) if {
	value.type == "audit"
	value.level in {"basic", "full"}
	is_boolean(object.get(value, "durable", false))
}

_is_list(value, items_max) if {
	is_array(value)
	count(value) > 0
	count(value) <= items_max
}

_is_count(value) if {
	is_number(value)
	value >= 1
	value == floor(value)
}

# --- the meaning: deny, else no grant, else approval, else constrain, else allow

_effect(packages) := "deny" if {
	_any(_failures, packages)
} else := _listed(packages) if {
	input.phase == "list"
} else := "deny" if {
	_any(_denies, packages)
} else := "deny" if {
	not _any(_grants, packages)
} else := "require_approval" if {
	_any(_approves, packages)
} else := "constrain" if {
	_any(_constrains, packages)
} else := "allow"

# A list entry has no arguments: only what is visible counts.
_listed(packages) := "allow" if {
	_is_visible(packages)
} else := "deny"

# `visible` where a package defines it, else `allow`.
_is_visible(packages) := false if {
	_any(_failures, packages)
} else if {
	some package_name in (packages & _may_grant)
	count(data.policies[package_name].visible) > 0
} else := false if {
	some package_name in packages
	data.policies[package_name].visible
} else if {
	_any(_grants, packages)
} else := false

_any(parts, packages) if {
	some package_name in packages
	count(parts[package_name]) > 0
}

_of(sets) := {element |
	some package_name in _enforced
	some element in sets[package_name]
}

_verdict := _effect(_enforced)

_refusals := {failure | some package_name in _enforced; failure := _failures[package_name]} | _denials

default _denials := set()

_denials := _of(_denies) if not input.phase == "list"

_reasons := _refusals if {
	_verdict == "deny"
	count(_refusals) > 0
}

_reasons := {_own_reason("no_matching_allow", "no policy allows this call", "policy", "")} if {
	_verdict == "deny"
	count(_refusals) == 0
}

_reasons := {reason |
	some approval in _approvals
	asked := _own_reason(approval.code, "a human has to approve this call", "policy", approval.policy)
	reason := object.union(asked, {"retryable": true})
} if {
	_verdict == "require_approval"
}

_reasons := _of(_grants) if {
	_verdict in {"allow", "constrain"}
	not input.phase == "list"
}

_reasons := _of(_shows) if {
	_verdict == "allow"
	input.phase == "list"
}

# What shows an entry: `visible` where a package defines it, else `allow`.
_shows := _visibles if {
	some package_name in _enforced
	data.policies[package_name].visible
} else := _grants

_own_reason(code, message, origin, package_name) := {
	"code": code,
	"message": message,
	"policy": package_name,
	"origin": origin,
	"retryable": false,
}

# What is owed is owed by a call that goes through.
default _obligations := set()

_obligations := _of(_constrains) if _verdict == "constrain"

default _approvals := set()

_approvals := _of(_approves) if _verdict == "require_approval"

_contributing := {part.policy |
	some part in (_reasons | _obligations)
	part.policy != ""
}

# --- shadow: what the verdict would be with one more package enforced

_shadow contains would_be if {
	some package_name in _in_shadow
	would_be := {
		"policy": package_name,
		"effect": _effect(_enforced | {package_name}),
		"codes": _codes(package_name),
	}
}

_codes(package_name) := ({part.code |
	some parts in [_denies, _allows, _approves]
	some part in parts[package_name]
} | {part.obligation.type | some part in _constrains[package_name]}) | {code | code := _failures[package_name].code}
