package toolgate.main_test

import data.toolgate.main

_input := {"phase": "call", "mcp": {"server": "crm", "method": "tools/call", "name": "read"}}

_decide(policies) := verdict if {
	verdict := main.decision with input as _input with data.policies as policies
}

_decide_scoped(policies, scopes) := verdict if {
	verdict := main.decision with input as _input with data.policies as policies with data.toolgate.scopes as scopes
}

_codes(verdict) := {reason.code | some reason in verdict.reasons}

_allowing := {"allow": {"read"}}

test_nothing_denies if {
	verdict := _decide({})
	verdict.effect == "deny"
	_codes(verdict) == {"no_matching_allow"}
	verdict.policies == set()
	verdict.visible == false
}

test_allow if {
	verdict := _decide({"a": _allowing})
	verdict == {
		"effect": "allow",
		"visible": true,
		"reasons": {{"code": "read", "message": "", "policy": "a", "origin": "policy"}},
		"obligations": set(),
		"approvals": set(),
		"policies": {"a"},
		"shadow": set(),
	}
}

test_deny_wins_and_every_reason_is_given if {
	verdict := _decide({
		"a": object.union(_allowing, {"approve": {{"by": ["legal"], "code": "sign"}}}),
		"b": {"deny": {{"code": "region", "message": "not your region"}, "late"}},
		"c": {"constrain": {{"type": "limit_rows", "rows": 1}}},
	})
	verdict.effect == "deny"
	verdict.reasons == {
		{"code": "region", "message": "not your region", "policy": "b", "origin": "policy"},
		{"code": "late", "message": "", "policy": "b", "origin": "policy"},
	}
	verdict.policies == {"b"}
	verdict.obligations == set()
	verdict.approvals == set()
	verdict.visible == true
}

test_approval_comes_before_constraints if {
	verdict := _decide({
		"a": _allowing,
		"b": {"approve": {{"by": ["legal"], "code": "sign"}}},
		"c": {"constrain": {{"type": "limit_rows", "rows": 1}}},
	})
	verdict.effect == "require_approval"
	verdict.approvals == {{"code": "sign", "by": ["legal"], "policy": "b"}}
	_codes(verdict) == {"approval_required"}
	verdict.policies == {"a", "b"}
	verdict.obligations == set()
}

test_approval_is_no_grant if {
	verdict := _decide({"b": {"approve": {{"by": ["legal"], "code": "sign"}}}})
	verdict.effect == "deny"
	_codes(verdict) == {"no_matching_allow"}
}

test_constrain if {
	verdict := _decide({
		"a": _allowing,
		"b": {"constrain": {{"type": "limit_rows", "rows": 1}}},
	})
	verdict.effect == "constrain"
	_codes(verdict) == {"read"}
	verdict.obligations == {{"policy": "b", "obligation": {"type": "limit_rows", "rows": 1}}}
	verdict.policies == {"a", "b"}
}

test_what_means_nothing_denies if {
	every sets in [
		{"allow": true},
		{"allow": ["read"]},
		{"allow": {""}},
		{"allow": {7}},
		{"allow": {{"message": "no code"}}},
		{"allow": {{"code": "read", "message": 7}}},
		{"deny": {true}},
		{"deny": {{"code": ""}}},
		{"deny": {{"code": 7}}},
		{"visible": {null}},
		{"constrain": {"limit_rows"}},
		{"constrain": {{"rows": 1}}},
		{"constrain": {{"type": ""}}},
		{"constrain": {{"type": 7}}},
		{"approve": {"legal"}},
		{"approve": {{"by": ["legal"]}}},
		{"approve": {{"by": "legal", "code": "sign"}}},
		{"approve": {{"by": [], "code": "sign"}}},
		{"approve": {{"by": [""], "code": "sign"}}},
		{"approve": {{"by": [7], "code": "sign"}}},
		{"approve": {{"by": ["legal"], "code": ""}}},
	] {
		verdict := _decide({"a": _allowing, "b": sets})
		verdict.effect == "deny"
		_codes(verdict) == {"policy_result_invalid"}
		verdict.policies == {"b"}
	}
}

test_reasons_may_be_objects if {
	verdict := _decide({"a": {"allow": {{"code": "read", "message": "internal agents read"}}}})
	verdict.effect == "allow"
	verdict.reasons == {{"code": "read", "message": "internal agents read", "policy": "a", "origin": "policy"}}
}

test_other_rules_of_a_package_do_not_matter if {
	verdict := _decide({"a": object.union(_allowing, {"helper": 7}), "a_test": {"test_x": true}})
	verdict.effect == "allow"
}

test_a_package_of_other_servers_is_not_applicable if {
	scopes := {"b": {"servers": ["billing"]}}
	verdict := _decide_scoped({"a": _allowing, "b": {"deny": {"no"}}}, scopes)
	verdict.effect == "allow"
}

test_a_package_of_this_server_is_applicable if {
	scopes := {"b": {"servers": ["billing", "crm"]}}
	verdict := _decide_scoped({"a": _allowing, "b": {"deny": {"no"}}}, scopes)
	verdict.effect == "deny"
}

test_a_call_of_no_server_is_covered_by_no_list if {
	scopes := {"a": {"servers": ["crm"]}}
	verdict := main.decision with input as {"phase": "call"}
		with data.policies as {"a": _allowing}
		with data.toolgate.scopes as scopes
	verdict.effect == "deny"
}

test_a_bundle_outside_its_servers_denies_but_does_not_grant if {
	scopes := {"a": {"grants": ["billing"]}}
	verdict := _decide_scoped({"a": object.union(_allowing, {"visible": {"list"}})}, scopes)
	_codes(verdict) == {"no_matching_allow"}
	verdict.visible == false
	_codes(_decide_scoped({"a": {"deny": {"no"}}, "b": _allowing}, scopes)) == {"no"}
}

test_a_bundle_within_its_servers_grants if {
	_decide_scoped({"a": _allowing}, {"a": {"grants": ["crm"]}}).effect == "allow"
}

_shadowed := {"b": {"enforcement": "shadow"}}

test_a_deny_in_shadow_is_recorded_only if {
	verdict := _decide_scoped({"a": _allowing, "b": {"deny": {"no"}}}, _shadowed)
	verdict.effect == "allow"
	verdict.policies == {"a"}
	verdict.shadow == {{"policy": "b", "effect": "deny", "codes": {"no"}}}
}

test_an_allow_in_shadow_grants_nothing if {
	verdict := _decide_scoped({"b": object.union(_allowing, {"visible": {"list"}})}, _shadowed)
	verdict.effect == "deny"
	verdict.visible == false
	verdict.shadow == {{"policy": "b", "effect": "allow", "codes": {"read"}}}
}

test_nonsense_in_shadow_is_recorded_only if {
	verdict := _decide_scoped({"a": _allowing, "b": {"deny": {7}}}, _shadowed)
	verdict.effect == "allow"
	verdict.shadow == {{"policy": "b", "effect": "deny", "codes": set()}}
}

test_obligations_and_approvals_in_shadow_are_not_owed if {
	verdict := _decide_scoped(
		{"a": _allowing, "b": {"constrain": {{"type": "audit"}}, "approve": {{"by": ["x"], "code": "sign"}}}},
		_shadowed,
	)
	verdict.effect == "allow"
	verdict.obligations == set()
	verdict.approvals == set()
	verdict.shadow == {{"policy": "b", "effect": "require_approval", "codes": {"sign"}}}
}

test_enforce_is_the_default if {
	_decide_scoped({"a": {"deny": {"no"}}}, {"a": {"enforcement": "enforce"}}).effect == "deny"
}

test_visible_where_it_is_defined if {
	_decide({"a": {"visible": {"list"}}}).visible == true
	_decide({"a": {"visible": {{"code": "list"}}}}).visible == true
	_decide({"a": {"visible": set(), "allow": {"read"}}}).visible == false
	_decide({"a": {"visible": set()}, "b": _allowing}).visible == false
	_decide({"a": {"visible": {"list"}, "deny": {"no"}}}).visible == true
}

test_visible_is_defined_by_packages_that_may_grant if {
	policies := {"a": {"visible": set()}, "b": _allowing}
	_decide_scoped(policies, {"a": {"servers": ["billing"]}}).visible == true
	_decide_scoped(policies, {"a": {"grants": ["billing"]}}).visible == true
	_decide_scoped(policies, {"a": {"enforcement": "shadow"}}).visible == true
}
