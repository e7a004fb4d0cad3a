# engines: rvm interpreter
package policies.encodings

allow contains ["base64", base64.encode(input.s)]

allow contains ["from base64", base64.decode(input.s)]

allow contains ["is base64", base64.is_valid(input.s)]

allow contains ["any is base64", base64.is_valid(input.a)]

allow contains ["base64url", base64url.encode(input.s)]

allow contains ["no pad", base64url.encode_no_pad(input.s)]

allow contains ["hex", hex.encode(input.s)]

allow contains ["from hex", hex.decode(input.s)]

allow contains ["json", json.unmarshal(input.s)]
