# engines: rvm interpreter v0
package policies.v0_keywords

import future.keywords

allow contains ["each", x] if x := input.xs[_]

allow contains "every" if {
	every x in input.xs { is_number(x) }
}

allow contains "no body"

allow["in brackets"] { input.a }

known = true if input.b

allow["known"] { known }
