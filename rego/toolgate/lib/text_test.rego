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
	every limit in ["500", null, [500], -1, 1.5] {
		tg.argument_length_at_most("note", limit) == false with input as _note("x")
	}
}

test_argument_made_of if {
	tg.argument_made_of("note", "0123456789") with input as _note("42")
	tg.argument_made_of("note", "0123456789") == false with input as _note("4x2")
	tg.argument_made_of("note", "0123456789") == false with input as _note("42\n")
	tg.argument_made_of("note", "0123456789") == false with input as _note("")
	tg.argument_made_of("note", "") == false with input as _note("42")
}

test_argument_made_of_arguments_of_the_wrong_type if {
	every value in [42, null, ["42"], {"a": "42"}] {
		tg.argument_made_of("note", "0123456789") == false with input as _note(value)
	}
	every characters in [42, null, ["4", "2"]] {
		tg.argument_made_of("note", characters) == false with input as _note("42")
	}
	tg.argument_made_of("note", "0123456789") == false with input as {}
}

test_argument_matches if {
	tg.argument_matches("note", `^C-[0-9]{6}$`) with input as _note("C-004217")
	tg.argument_matches("note", `^C-[0-9]{6}$`) == false with input as _note("C-42")
	tg.argument_matches("note", `^C-[0-9]{6}$`) == false with input as _note("C-004217\n")
	tg.argument_matches("note", `^C-[0-9]{6}$`) == false with input as {}
}

test_argument_matches_arguments_of_the_wrong_type if {
	every value in [42, null, ["C-004217"], {"a": "C-004217"}] {
		tg.argument_matches("note", `^C-[0-9]{6}$`) == false with input as _note(value)
	}
}
