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
		"reasons": {{"code": "read", "message": "", "policy": "a", "origin": "policy", "retryable": false}},
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
		{"code": "region", "message": "not your region", "policy": "b", "origin": "policy", "retryable": false},
		{"code": "late", "message": "", "policy": "b", "origin": "policy", "retryable": false},
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
	verdict.reasons == {{
		"code": "sign",
		"message": "a human has to approve this call",
		"policy": "b",
		"origin": "policy",
		"retryable": true,
	}}
	verdict.policies == {"b"}
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

_failing(sets) := _decide({"a": _allowing, "b": object.union({"deny": {"lost"}}, sets)})

test_what_means_nothing_denies if {
	every sets in [
		{"allow": {""}},
		{"allow": {7}},
		{"allow": {"two words"}},
		{"allow": {{"message": "no code"}}},
		{"allow": {{"code": "read", "message": 7}}},
		{"allow": {{"code": "read", "retryable": "no"}}},
		{"allow": {{"code": "read", "unless": "night"}}},
		{"deny": {true}},
		{"deny": {{"code": ""}}},
		{"deny": {{"code": "a\nb"}}},
		{"deny": {_long("x")}},
		{"deny": {{"code": "no", "message": _long(_long("x"))}}},
		{"visible": {null}},
		{"approve": {"legal"}},
		{"approve": {{"by": ["legal"]}}},
		{"approve": {{"by": "legal", "code": "sign"}}},
		{"approve": {{"by": [], "code": "sign"}}},
		{"approve": {{"by": [7], "code": "sign"}}},
		{"approve": {{"by": ["legal"], "code": ""}}},
		{"approve": {{"by": ["legal"], "code": "sign", "until": "noon"}}},
	] {
		verdict := _failing(sets)
		verdict.effect == "deny"
		verdict.visible == false
		_codes(verdict) == {"policy_result_invalid"}
		verdict.policies == {"b"}
	}
}

_long(text) := concat("", [text | some _ in numbers.range(1, 129)])

test_what_is_no_set_denies if {
	every sets in [{"allow": true}, {"allow": ["read"]}, {"constrain": {"type": "audit"}}] {
		verdict := _failing(sets)
		verdict.effect == "deny"
		_codes(verdict) == {"policy_error"}
	}
}

test_an_unknown_obligation_denies if {
	verdict := _failing({"constrain": {{"type": "encrypt"}}})
	verdict.effect == "deny"
	_codes(verdict) == {"obligation_unknown"}
}

test_an_ill_formed_obligation_denies if {
	every obligation in [
		"limit_rows",
		{"rows": 1},
		{"type": 7},
		{"type": "limit_rows"},
		{"type": "limit_rows", "rows": 0},
		{"type": "limit_rows", "rows": 1.5},
		{"type": "limit_rows", "rows": "1"},
		{"type": "limit_bytes", "bytes": -1},
		{"type": "limit_bytes", "rows": 1},
		{"type": "mask_fields"},
		{"type": "mask_fields", "fields": []},
		{"type": "mask_fields", "fields": "email"},
		{"type": "mask_fields", "fields": [""]},
		{"type": "mask_fields", "fields": [7]},
		{"type": "drop_fields", "fields": [_long("xx")]},
		{"type": "drop_fields", "fields": ["a"], "deep": true},
		{"type": "rewrite_arguments", "patch": {}},
		{"type": "rewrite_arguments", "patch": [{"op": "set", "path": "/a"}]},
		{"type": "rewrite_arguments", "patch": [{"op": "remove"}]},
		{"type": "audit"},
		{"type": "audit", "level": "most"},
		{"type": "audit", "level": "full", "durable": "yes"},
	] {
		verdict := _failing({"constrain": {obligation}})
		verdict.effect == "deny"
		_codes(verdict) == {"obligation_invalid"}
	}
}

test_every_obligation_is_known if {
	owed := {
		{"type": "mask_fields", "fields": ["email", "/a/b"]},
		{"type": "drop_fields", "fields": ["notes"]},
		{"type": "limit_rows", "rows": 1},
		{"type": "limit_bytes", "bytes": 4096},
		{"type": "rewrite_arguments", "patch": [{"op": "remove", "path": "/a"}]},
		{"type": "audit", "level": "basic"},
		{"type": "audit", "level": "full", "durable": true},
	}
	verdict := _decide({"a": _allowing, "b": {"constrain": owed}})
	verdict.effect == "constrain"
	{part.obligation | some part in verdict.obligations} == owed
}

test_reasons_may_be_objects if {
	verdict := _decide({"a": {"allow": {{"code": "read", "message": "internal agents read"}}}})
	verdict.effect == "allow"
	verdict.reasons == {{"code": "read", "message": "internal agents read", "policy": "a", "origin": "policy", "retryable": false}}
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
	verdict.shadow == {{"policy": "b", "effect": "deny", "codes": {"policy_result_invalid"}}}
}

test_obligations_and_approvals_in_shadow_are_not_owed if {
	verdict := _decide_scoped(
		{"a": _allowing, "b": {"constrain": {{"type": "audit", "level": "full"}}, "approve": {{"by": ["x"], "code": "sign"}}}},
		_shadowed,
	)
	verdict.effect == "allow"
	verdict.obligations == set()
	verdict.approvals == set()
	verdict.shadow == {{"policy": "b", "effect": "require_approval", "codes": {"sign", "audit"}}}
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

test_visible_of_a_package_that_may_not_grant_shows_nothing if {
	policies := {"a": {"visible": {"list"}}, "b": _allowing}
	_decide_scoped(policies, {"a": {"grants": ["billing"]}}).visible == false
	_decide_scoped(policies, {"a": {"servers": ["billing"]}}).visible == true
	_decide_scoped(policies, {"a": {"enforcement": "shadow"}}).visible == true
}

_list(policies) := verdict if {
	verdict := main.decision with input as {"phase": "list", "mcp": {"server": "crm"}} with data.policies as policies
}

test_a_list_entry_is_shown_or_not if {
	shown := _list({"a": {"visible": {"list"}, "deny": {"no"}, "approve": {{"by": ["x"], "code": "sign"}}}})
	shown.effect == "allow"
	{[reason.policy, reason.code] | some reason in shown.reasons} == {["a", "list"]}
	hidden := _list({"a": {"visible": set(), "allow": {"read"}, "deny": {"no"}}})
	hidden.effect == "deny"
	_codes(hidden) == {"no_matching_allow"}
	_list({"a": {"allow": {"read"}}}).effect == "allow"
	_codes(_list({"a": {"visible": {"list"}}, "b": {"allow": {7}}})) == {"policy_result_invalid"}
}
