package policies.notes

import data.toolgate.lib as tg

allow contains "notes.add" if tg.is_tool("add_note")

deny contains {"code": "notes.length", "message": "a note has up to 500 characters"} if {
	tg.is_call("add_note")
	not tg.argument_length_at_most("text", 500)
}
