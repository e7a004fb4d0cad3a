package toolgate.lib

# METADATA
# title: The principal has this attribute
# description: True if the attribute of this name has exactly this value.
# custom:
#   example: |
#     allow contains "reports.read" if tg.attribute_is("department", "finance")
attribute_is(name, value) if {
	input.principal.attributes[name] == value
} else := false

# METADATA
# title: The principal's attribute is one of these
# description: True if the attribute of this name has one of the values of a list or a set.
# custom:
#   example: |
#     allow contains "reports.read" if tg.attribute_in("department", ["finance", "legal"])
attribute_in(name, values) if {
	input.principal.attributes[name] in values
} else := false
