//! Bearer tokens signed by a key made for these tests, here and now.

use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use rcgen::{KeyPair, PKCS_ECDSA_P256_SHA256};
use serde_json::{Value, json};
use std::path::Path;
use std::sync::LazyLock;

/// The issuer that the tests believe.
pub const ISSUER: &str = "https://issuer.example";
/// 2099-01-01T00:00:00Z, in seconds.
const FAR_AWAY: u64 = 4_070_908_800;

static KEY: LazyLock<EncodingKey> = LazyLock::new(|| {
    let pair = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).unwrap();
    EncodingKey::from_ec_pem(pair.serialize_pem().as_bytes()).unwrap()
});

static NEXT_KEY: LazyLock<EncodingKey> = LazyLock::new(|| {
    let pair = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).unwrap();
    EncodingKey::from_ec_pem(pair.serialize_pem().as_bytes()).unwrap()
});

/// Writes `keys.json` with another key than `token` signs with.
pub fn write_next_key_set(dir: &Path) {
    let key = Jwk::from_encoding_key(&NEXT_KEY, Algorithm::ES256).unwrap();
    std::fs::write(dir.join("keys.json"), json!({ "keys": [key] }).to_string()).unwrap();
}

/// A token that is signed with that key.
pub fn next_token(claims: &Value) -> String {
    signed(claims, &NEXT_KEY)
}

/// Writes `keys.json` with the public key.
pub fn write_key_set(dir: &Path) {
    let key = Jwk::from_encoding_key(&KEY, Algorithm::ES256).unwrap();
    std::fs::write(dir.join("keys.json"), json!({ "keys": [key] }).to_string()).unwrap();
}

/// A token with these claims over sound ones.
pub fn token(claims: &Value) -> String {
    signed(claims, &KEY)
}

fn signed(claims: &Value, key: &EncodingKey) -> String {
    let mut all = json!({"iss": ISSUER, "aud": "toolgate", "exp": FAR_AWAY});
    all.as_object_mut()
        .unwrap()
        .extend(claims.as_object().unwrap().clone());
    jsonwebtoken::encode(&Header::new(Algorithm::ES256), &all, key).unwrap()
}
