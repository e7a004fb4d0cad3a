# engines: rvm interpreter
package policies.objects

allow contains ["get", object.get(input, "a", "none")]

allow contains ["get path", object.get(input, ["o", "k"], "none")]

allow contains ["get or", object.get(input.o, "k", input.a)]

allow contains ["keys", object.keys(input.o)]

allow contains ["filter", object.filter(input.o, ["a", "k"])]

allow contains ["remove", object.remove(input.o, {"a"})]

allow contains ["union", object.union({"a": 1, "k": {"z": 1}}, input.o)]

allow contains ["union n", object.union_n([{"a": 1}, input.o])]

allow contains ["count", count(input.o)]
