# engines: rvm interpreter v0 reads:v0_rules
package policies.v0_imports_v1

import rego.v1

import data.policies.v0_rules.kind

allow contains ["kind", kind(input.b)] if input.b

allow contains x if {
	some x in ["a", "b"]
	x == input.s
}
