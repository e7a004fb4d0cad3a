package toolgate.lib

# METADATA
# title: The argument is a path within this folder
# description: |
#   True if the argument is an absolute path that is the folder or lies below it, by whole
#   segments: `/srv/data` does not cover `/srv/database`. A path with an empty segment, `.`, `..`,
#   a backslash, a `%` or a NUL is within nothing. Links are not resolved: the server that opens
#   the path has to do that. For several folders, write a rule with one line for each.
# custom:
#   example: |
#     deny contains {"code": "files.path"} if {
#       tg.is_call("read_file")
#       not tg.argument_path_within("path", "/srv/data")
#     }
argument_path_within(name, folder) if {
	_is_plain_path(_argument(name))
	_is_plain_path(folder)
	startswith(_with_slash(_argument(name)), _with_slash(folder))
} else := false

_is_plain_path(path) if {
	is_string(path)
	startswith(path, "/")
	indexof(_with_slash(path), "//") < 0
	indexof(_with_slash(path), "/./") < 0
	indexof(_with_slash(path), "/../") < 0
	indexof(path, "\\") < 0
	indexof(path, "%") < 0
	indexof(path, "\u0000") < 0
} else := false

_with_slash(path) := concat("", [path, "/"])
