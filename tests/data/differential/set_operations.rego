# engines: rvm interpreter
package policies.set_operations

left contains x if x := input.xs[_]

right := {y | y := input.ys[_]}

allow contains ["and", x] if some x in left & right

allow contains ["or", x] if some x in left | right

allow contains ["without", x] if some x in left - {1, "a"}

allow contains ["all", (left | right) - {null}]

allow contains "subset" if left - right == set()

allow contains "meet" if count(left & right) > 0

allow contains ["intersection", intersection({left, right})]

allow contains ["union", union({left, right, {1}})]

allow contains ["keys", object.keys({"a": 1, "b": 2}) - {"a"}]
