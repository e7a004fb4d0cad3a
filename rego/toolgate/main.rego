# METADATA
# title: The combination of policies, for OPA
# description: |
#   What toolgate's PDP does with the sets that the packages under `data.policies` return, in Rego,
#   so that `opa` evaluates the same bundle to the same verdict:
#   `opa eval -b rego -b bundles/demo -i input.json data.toolgate.main.decision`.
#   toolgate does not load this file. Obligations are listed as the packages gave them: the PDP
#   merges them, and denies where one is unknown or ill-formed.
package toolgate.main

# METADATA
# title: The verdict
# description: |
#   `effect`, `visible`, `reasons` (code, message, policy, origin), `obligations` (policy,
#   obligation), `approvals` (code, by, policy), `policies` and `shadow` (policy, effect, codes).
# entrypoint: true
decision := {
	"effect": _effect(_enforced),
	"visible": _visible,
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

# --- what each package returned, well-shaped

_denies[package_name] contains reason if {
	some package_name in _applicable
	some element in data.policies[package_name].deny
	reason := _reason(package_name, element)
}

_allows[package_name] contains reason if {
	some package_name in _may_grant
	some element in data.policies[package_name].allow
	reason := _reason(package_name, element)
}

_constrains[package_name] contains {"policy": package_name, "obligation": element} if {
	some package_name in _applicable
	some element in data.policies[package_name].constrain
	_is_obligation(element)
}

_approves[package_name] contains approval if {
	some package_name in _applicable
	some element in data.policies[package_name].approve
	_is_approval(element)
	approval := {"policy": package_name, "by": element.by, "code": element.code}
}

_reason(package_name, element) := {
	"code": element,
	"message": "",
	"policy": package_name,
	"origin": "policy",
} if {
	_is_text(element)
}

_reason(package_name, element) := {
	"code": element.code,
	"message": object.get(element, "message", ""),
	"policy": package_name,
	"origin": "policy",
} if {
	_is_reason_object(element)
}

# --- what means nothing

_ill_shaped contains package_name if {
	some package_name in _applicable
	some name in ["allow", "deny", "constrain", "approve", "visible"]
	not is_set(object.get(data.policies[package_name], name, set()))
}

_ill_shaped contains package_name if {
	some package_name in _applicable
	some name in ["allow", "deny", "visible"]
	some element in data.policies[package_name][name]
	not _is_text(element)
	not _is_reason_object(element)
}

_ill_shaped contains package_name if {
	some package_name in _applicable
	some element in data.policies[package_name].constrain
	not _is_obligation(element)
}

_ill_shaped contains package_name if {
	some package_name in _applicable
	some element in data.policies[package_name].approve
	not _is_approval(element)
}

_is_text(value) if {
	is_string(value)
	value != ""
}

_is_reason_object(value) if {
	is_object(value)
	_is_text(value.code)
	is_string(object.get(value, "message", ""))
}

_is_obligation(value) if {
	is_object(value)
	_is_text(value.type)
}

_is_approval(value) if {
	is_object(value)
	_is_text(value.code)
	is_array(value.by)
	count(value.by) > 0
	every role in value.by {
		_is_text(role)
	}
}

# --- the meaning: deny, else no grant, else approval, else constrain, else allow

_effect(packages) := "deny" if {
	_refuses(packages)
} else := "deny" if {
	not _any(_allows, packages)
} else := "require_approval" if {
	_any(_approves, packages)
} else := "constrain" if {
	_any(_constrains, packages)
} else := "allow"

_refuses(packages) if _any(_denies, packages)

_refuses(packages) if count(_ill_shaped & packages) > 0

_any(sets, packages) if {
	some package_name in packages
	count(sets[package_name]) > 0
}

_of(sets) := {element |
	some package_name in _enforced
	some element in sets[package_name]
}

_verdict := _effect(_enforced)

_reasons := _refusals if _refuses(_enforced)

_reasons := {_own_reason("no_matching_allow", "no policy allows this call", "policy", "")} if {
	_verdict == "deny"
	not _refuses(_enforced)
}

_reasons := {reason |
	some approval in _of(_approves)
	reason := _own_reason("approval_required", "a human has to approve this call", "policy", approval.policy)
} if {
	_verdict == "require_approval"
}

_reasons := _of(_allows) if _verdict in {"allow", "constrain"}

_refusals := _of(_denies) | {reason |
	some package_name in (_ill_shaped & _enforced)
	message := "a policy gave an answer that means nothing"
	reason := _own_reason("policy_result_invalid", message, "engine", package_name)
}

_own_reason(code, message, origin, package_name) := {
	"code": code,
	"message": message,
	"policy": package_name,
	"origin": origin,
}

# What is owed is owed by a call that goes through.
default _obligations := set()

_obligations := _of(_constrains) if _verdict == "constrain"

default _approvals := set()

_approvals := _of(_approves) if _verdict == "require_approval"

_contributing := {part.policy |
	some part in (((_reasons | _obligations) | _approvals) | _grants_to_approve)
	part.policy != ""
}

default _grants_to_approve := set()

_grants_to_approve := _of(_allows) if _verdict == "require_approval"

# --- lists: `visible` where a package that may grant defines it, else `allow`

_visibility_defined if {
	some package_name in (_may_grant & _enforced)
	data.policies[package_name].visible
}

default _visible := false

_visible if {
	some package_name in (_may_grant & _enforced)
	some element in data.policies[package_name].visible
	_reason(package_name, element)
}

_visible if {
	not _visibility_defined
	_any(_allows, _enforced)
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

_codes(package_name) := {reason.code |
	some sets in [_denies, _allows, _approves]
	some reason in sets[package_name]
}
