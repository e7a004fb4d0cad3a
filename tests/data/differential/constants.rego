# engines: rvm interpreter
package policies.constants

kept := {"n": null, "t": true, "f": false, "s": "é\n\"\u00e9", "r": `a\n`, "i": -3, "d": 1.5, "e": [], "o": {}, "x": {1, "a", null}, "es": set()}

allow contains kept

allow contains "one" if 1

allow contains "null" if null

allow contains "text" if "x"

allow contains "empty" if []

allow contains "set" if set()

allow contains "never" if false

allow contains [9007199254740993, 0.1, -1.5, 123456789012345678]
