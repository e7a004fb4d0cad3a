use super::*;
use crate::identity::testing::*;
use serde_json::{Value, json};

const ALL: [Algorithm; 9] = [
    Algorithm::Rs256,
    Algorithm::Rs384,
    Algorithm::Rs512,
    Algorithm::Ps256,
    Algorithm::Ps384,
    Algorithm::Ps512,
    Algorithm::Es256,
    Algorithm::Es384,
    Algorithm::EdDsa,
];

fn refusal(keys: &[Value]) -> String {
    let refused = KeySet::parse(&key_set(keys), &ALL).unwrap_err();
    refused.to_string()
}

#[test]
fn refuses_documents() {
    let many = vec![json!({"kty": "oct"}); JWKS_KEYS_MAX + 1];
    for (bytes, expected) in [
        (
            b"".to_vec(),
            "the key set is not strict JSON: expected a value at byte 0",
        ),
        (b"[]".to_vec(), "the key set has no array `keys`"),
        (b"{\"keys\":{}}".to_vec(), "the key set has no array `keys`"),
        (
            b"{\"keys\":[],\"keys\":[]}".to_vec(),
            "the key set is not strict JSON: duplicate key in the object at byte 0",
        ),
        (
            b"{\"keys\":[]}".to_vec(),
            "the key set has no key for the configured algorithms",
        ),
        (key_set(&many), "the key set has 257 keys, more than 256"),
        (
            vec![b' '; (1 << 20) + 1],
            "the key set is not strict JSON: document of 1048577 bytes is over the limit of 1048576",
        ),
    ] {
        assert_eq!(
            KeySet::parse(&bytes, &ALL).unwrap_err().to_string(),
            expected
        );
    }
}

#[test]
fn refuses_broken_and_private_keys() {
    let es = |more| SIGNERS.es256.jwk(more);
    let private = "is a private key: remove `d` and replace the key";
    for (key, expected) in [
        (
            json!("k"),
            "key 1 of the key set: it is not an object".to_owned(),
        ),
        (
            json!({}),
            "key 1 of the key set: `kty` is missing or not text".into(),
        ),
        (
            es(json!({"kid": 1})),
            "key 1 of the key set: `kid` is not text".into(),
        ),
        (
            es(json!({"crv": 1})),
            "key 1 of the key set: `crv` is missing or not text".into(),
        ),
        (
            es(json!({"x": "="})),
            "key 1 of the key set: `x` is missing or not base64url".into(),
        ),
        (
            es(json!({"y": null})),
            "key 1 of the key set: `y` is missing or not base64url".into(),
        ),
        (
            es(json!({"x": "AAAA"})),
            "key 1 of the key set: a coordinate is not as long as its curve's".into(),
        ),
        (
            SIGNERS.ed.jwk(json!({"x": "AAAA"})),
            "key 1 of the key set: a coordinate is not as long as its curve's".into(),
        ),
        (
            SIGNERS.rsa.jwk(json!({"n": 5})),
            "key 1 of the key set: `n` is missing or not base64url".into(),
        ),
        (
            SIGNERS.rsa.jwk(json!({"e": "AQ"})),
            "key 1 of the key set: `e` is not a public exponent".into(),
        ),
        (
            SIGNERS.rsa.jwk(json!({"e": "AQAA"})),
            "key 1 of the key set: `e` is not a public exponent".into(),
        ),
        (
            es(json!({"d": "secret"})),
            format!("key 1 of the key set {private}"),
        ),
    ] {
        assert_eq!(refusal(std::slice::from_ref(&key)), expected, "{key}");
    }
    let same = [es(json!({"kid": "k"})), SIGNERS.ed.jwk(json!({"kid": "k"}))];
    assert_eq!(
        refusal(&same),
        "key 2 of the key set has the same `kid` as an earlier one"
    );
}

#[test]
fn skips_what_is_of_no_use_and_says_so() {
    let small = SIGNERS
        .rsa
        .jwk(json!({"n": URL_SAFE_NO_PAD.encode([0xff; 128])}));
    let none = "the key set has no key for the configured algorithms";
    for (key, why) in [
        (
            json!({"kty": "oct", "k": "c2VjcmV0"}),
            "it is symmetric: tokens must be signed asymmetrically",
        ),
        (json!({"kty": "AKP"}), "its `kty` is not supported"),
        (
            SIGNERS.es256.jwk(json!({"crv": "P-521"})),
            "its curve is not supported",
        ),
        (
            SIGNERS.ed.jwk(json!({"crv": "X25519"})),
            "its curve is not supported",
        ),
        (
            SIGNERS.es256.jwk(json!({"use": "enc"})),
            "it is not for verifying signatures",
        ),
        (
            SIGNERS.es256.jwk(json!({"key_ops": ["sign"]})),
            "it is not for verifying signatures",
        ),
        (
            SIGNERS.es256.jwk(json!({"alg": "ES384"})),
            "no configured algorithm uses it",
        ),
        (
            SIGNERS.es256.jwk(json!({"alg": "HS256"})),
            "no configured algorithm uses it",
        ),
        (
            SIGNERS.es256.jwk(json!({"alg": 256})),
            "no configured algorithm uses it",
        ),
        (small, "its modulus is not of 2048 to 8192 bits"),
    ] {
        assert_eq!(
            refusal(std::slice::from_ref(&key)),
            format!("{none}; key 1 was skipped: {why}"),
            "{key}"
        );
    }
    let mixed = [
        json!({"kty": "oct", "k": "AA"}),
        SIGNERS.es256.jwk(json!({})),
    ];
    let set = KeySet::parse(&key_set(&mixed), &ALL).unwrap();
    assert_eq!(set.skipped.len(), 1);
    // One key is left, so that a token needs no `kid`.
    assert!(set.choose(None, Algorithm::Es256).is_ok());
}
