package toolgate.lib_test

import data.toolgate.lib as tg

_directory := {
	"role_includes": {"head": ["lead", "finance"], "lead": ["staff", "head"], "broken": "staff"},
	"role_ranks": {"staff": 10, "lead": 20, "head": 30, "broken": "40"},
}

_holding(roles) := {"principal": {"roles": roles}}

_has := {role |
	some role in ["head", "lead", "finance", "staff", "broken"]
	tg.has_role(role)
}

test_roles_without_a_directory if {
	_has == {"staff"} with input as _holding(["staff"])
	_has == set() with input as _holding([])
}

test_roles_follow_the_hierarchy if {
	_has == {"head", "lead", "finance", "staff"} with input as _holding(["head"]) with data.directory as _directory
	_has == {"finance"} with input as _holding(["finance"]) with data.directory as _directory
}

test_roles_included_by_what_is_no_list if {
	_has == {"broken"} with input as _holding(["broken"]) with data.directory as _directory
}

test_roles_of_the_wrong_type_are_none if {
	every roles in ["staff", {"a": "staff"}, 7, null, [7, null, ["staff"]]] {
		_has == set() with input as _holding(roles)
	}
	_has == set() with input as {}
	_has == set() with input as {"principal": "staff"}
}

test_roles_with_a_directory_of_the_wrong_type if {
	every wrong in ["x", [["staff"]], 7, null] {
		_has == {"staff"} with input as _holding(["staff"]) with data.directory as {"role_includes": wrong}
	}
}

test_has_role if {
	tg.has_role("staff") with input as _holding(["staff"])
	tg.has_role("staff") with input as _holding(["head"]) with data.directory as _directory
	tg.has_role("head") == false with input as _holding(["staff"]) with data.directory as _directory
	tg.has_role("staff") == false with input as {}
	tg.has_role(null) == false with input as _holding([null])
}

test_has_any_role if {
	tg.has_any_role(["finance", "staff"]) with input as _holding(["staff"])
	tg.has_any_role({"finance", "staff"}) with input as _holding(["staff"])
	tg.has_any_role(["finance"]) == false with input as _holding(["staff"])
	tg.has_any_role([]) == false with input as _holding(["staff"])
	tg.has_any_role("staff") == false with input as _holding(["staff"])
	tg.has_any_role(["staff"]) == false with input as {}
}

test_has_minimum_role if {
	tg.has_minimum_role("lead") with input as _holding(["head"]) with data.directory as _directory
	tg.has_minimum_role("lead") with input as _holding(["lead"]) with data.directory as _directory
	tg.has_minimum_role("lead") == false with input as _holding(["staff"]) with data.directory as _directory
}

test_has_minimum_role_counts_included_roles if {
	directory := object.union(_directory, {"role_ranks": {"finance": 25}})
	tg.has_minimum_role("finance") with input as _holding(["head"]) with data.directory as directory
}

test_has_minimum_role_without_ranks if {
	tg.has_minimum_role("lead") == false with input as _holding(["lead"])
	tg.has_minimum_role("finance") == false with input as _holding(["head"]) with data.directory as _directory
	tg.has_minimum_role("staff") == false with input as _holding(["broken"]) with data.directory as _directory
	tg.has_minimum_role("broken") == false with input as _holding(["head"]) with data.directory as _directory
	tg.has_minimum_role(7) == false with input as _holding(["head"]) with data.directory as _directory
	tg.has_minimum_role("lead") == false with input as _holding(["lead"]) with data.directory as {"role_ranks": "x"}
}
