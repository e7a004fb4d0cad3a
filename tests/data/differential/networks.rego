# engines: rvm interpreter
package policies.networks

allow contains ["in", net.cidr_contains("10.0.0.0/8", input.s)]

allow contains ["any in", net.cidr_contains(input.s, input.t2)]

allow contains ["valid", net.cidr_is_valid(input.s)]

allow contains ["any valid", net.cidr_is_valid(input.a)]

