# METADATA
# title: Everything is allowed, and recorded
# description: >
#   To begin with. Take rules away from here, and write those that you want: what no policy allows
#   is denied. `toolgate check` and `toolgate test` say whether it holds.
package policies.starter

allow contains "starter.everything"

visible contains "starter.everything"
