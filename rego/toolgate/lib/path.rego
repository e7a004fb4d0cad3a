package toolgate.lib

# METADATA
# title: The argument is a path within these folders
# description: |
#   True if the argument is an absolute path that is one of these folders or lies below one of
#   them, by whole segments: `/srv/data` does not cover `/srv/database`. A path with an empty
#   segment, `.`, `..`, a backslash, a `%` or a NUL is within nothing. Links are not resolved: the
#   server that opens the path has to do that.
# custom:
#   example: |
#     deny contains {"code": "files.path"} if not tg.argument_path_within("path", ["/srv/data"])
argument_path_within(name, folders) if {
	_is_plain_path(_argument(name))
	count(_prefixes(_argument(name)) & _members(folders)) > 0
} else := false

_is_plain_path(path) if {
	is_string(path)
	regex.match(`^(/[^/\\%\x00]+)+$`, path)
	count(_members(split(path, "/")) & {".", ".."}) == 0
} else := false

# `/a/b` of `/a/b/c` and so on: the path and every folder above it.
_prefixes(path) := {concat("/", array.slice(split(path, "/"), 0, end)) |
	some end, _ in array.concat(split(path, "/"), [""])
	end > 1
}
