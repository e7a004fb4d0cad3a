package toolgate.lib_test

import data.toolgate.lib as tg

_path(path) := {"arguments": {"path": path}}

test_argument_path_within if {
	tg.argument_path_within("path", "/srv/data") with input as _path("/srv/data")
	tg.argument_path_within("path", "/srv/data") with input as _path("/srv/data/a/b.txt")
	tg.argument_path_within("path", "/srv") with input as _path("/srv/data/..a/...")
}

test_argument_path_outside if {
	every path in ["/srv", "/srv/database", "/", "", "/etc/passwd", "srv/data/x", "/SRV/data/x"] {
		tg.argument_path_within("path", "/srv/data") == false with input as _path(path)
	}
}

test_argument_path_that_is_not_plain if {
	every path in [
		"/srv/data/../../etc/passwd", "/srv/data/..", "/srv/data/./x", "/srv/data//x", "/srv/data/",
		"//srv/data/x", "/srv/data/..\\x", "/srv/data/%2e%2e/x", "/srv/data/x\u0000", 7, null, ["/srv/data/x"],
	] {
		tg.argument_path_within("path", "/srv/data") == false with input as _path(path)
	}
	tg.argument_path_within("path", "/srv/data") == false with input as {}
}

test_argument_path_within_a_folder_of_the_wrong_shape if {
	every folder in ["/srv/data/", "/", "", "srv", "/srv/./data", 7, null, ["/srv/data"]] {
		tg.argument_path_within("path", folder) == false with input as _path("/srv/data/x")
	}
}
