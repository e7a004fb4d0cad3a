package toolgate.lib_test

import data.toolgate.lib as tg

_note(text) := {"arguments": {"note": text}}

test_argument_length_at_most if {
	tg.argument_length_at_most("note", 5) with input as _note("")
	tg.argument_length_at_most("note", 5) with input as _note("12345")
	tg.argument_length_at_most("note", 5) == false with input as _note("123456")
	tg.argument_length_at_most("note", 0) with input as _note("")
}

# A code point outside the basic plane is one character, though two in UTF-16.
test_argument_length_is_in_code_points if {
	tg.argument_length_at_most("note", 2) with input as _note("ö👍")
	tg.argument_length_at_most("note", 1) == false with input as _note("ö👍")
	tg.argument_length_at_most("note", 1) with input as _note("👍")
}

test_argument_length_of_what_is_no_text if {
	every value in [7, null, true, ["a"], {"a": 1}] {
		tg.argument_length_at_most("note", 500) == false with input as _note(value)
	}
	tg.argument_length_at_most("note", 500) == false with input as {}
	tg.argument_length_at_most("other", 500) == false with input as _note("x")
}

test_argument_length_with_a_limit_of_the_wrong_type if {
	every limit in ["500", null, [500], -1] {
		tg.argument_length_at_most("note", limit) == false with input as _note("x")
	}
}

test_argument_matches_the_whole_text if {
	tg.argument_matches("note", `C-[0-9]{2}`) with input as _note("C-42")
	tg.argument_matches("note", `C-[0-9]{2}`) == false with input as _note("C-421")
	tg.argument_matches("note", `C-[0-9]{2}`) == false with input as _note("xC-42")
	tg.argument_matches("note", `C-[0-9]{2}`) == false with input as _note("C-42\n")
	tg.argument_matches("note", `a|b`) == false with input as _note("ax")
	tg.argument_matches("note", `a|b`) == false with input as _note("xb")
}

# An alternative must not leave the group that anchors it.
test_argument_matches_with_an_invalid_pattern if {
	every pattern in ["(", "a)|(C", `[`, 7, null, ["C"]] {
		tg.argument_matches("note", pattern) == false with input as _note("C")
	}
}

test_argument_matches_what_is_no_text if {
	every value in [42, null, ["42"], {"a": "42"}] {
		tg.argument_matches("note", `.*`) == false with input as _note(value)
	}
	tg.argument_matches("note", `.*`) == false with input as {}
}
