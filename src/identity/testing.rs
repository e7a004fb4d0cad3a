//! Keys, tokens and certificates made for a test, here and now: none is a secret of anybody.

use super::{Algorithm, ClaimPath, ClaimPaths, JwtConfig, JwtVerifier, KeySource, Token};
use crate::model::time::Timestamp;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm as Jwa, EncodingKey};
use rcgen::{
    CertificateParams, KeyPair, PKCS_ECDSA_P256_SHA256, PKCS_ECDSA_P384_SHA384, PKCS_ED25519,
    PKCS_RSA_SHA256, RsaKeySize, SanType,
};
use serde_json::{Value, json};
use std::sync::LazyLock;

pub(super) const ISSUER: &str = "https://issuer.example";
pub(super) const AUDIENCE: &str = "toolgate";
/// 2026-11-21T10:00:00Z.
pub(super) const NOW_SECONDS: i64 = 1_795_255_200;

pub(super) fn now() -> Timestamp {
    at(NOW_SECONDS)
}

pub(super) fn at(seconds: i64) -> Timestamp {
    Timestamp::from_nanos(seconds * 1_000_000_000)
}

/// A signing key and the public key that a JWKS file shows of it.
pub(super) struct Signer {
    key: EncodingKey,
    jwa: Jwa,
    public: Value,
}

impl Signer {
    fn new(pair: &KeyPair, jwa: Jwa) -> Self {
        let pem = pair.serialize_pem();
        let key = match jwa {
            Jwa::ES256 | Jwa::ES384 => EncodingKey::from_ec_pem(pem.as_bytes()),
            Jwa::EdDSA => Ok(EncodingKey::from_ed_der(pair.serialized_der())),
            _ => EncodingKey::from_rsa_pem(pem.as_bytes()),
        };
        let key = key.unwrap();
        let mut public = match jwa {
            // The library reads no Ed25519 key of the newer PKCS#8 version.
            Jwa::EdDSA => {
                let point = URL_SAFE_NO_PAD.encode(pair.public_key_raw());
                json!({"kty": "OKP", "crv": "Ed25519", "x": point})
            }
            _ => serde_json::to_value(Jwk::from_encoding_key(&key, jwa).unwrap()).unwrap(),
        };
        public.as_object_mut().unwrap().remove("alg");
        Self { key, jwa, public }
    }

    /// The public key, with more members.
    pub(super) fn jwk(&self, more: Value) -> Value {
        let mut jwk = self.public.clone();
        let members = jwk.as_object_mut().unwrap();
        members.extend(more.as_object().unwrap().clone());
        jwk
    }

    /// Signs header and payload as they are given, sound or not.
    pub(super) fn sign(&self, header: &str, payload: &str) -> String {
        self.sign_as(self.jwa, header, payload)
    }

    pub(super) fn sign_as(&self, jwa: Jwa, header: &str, payload: &str) -> String {
        let signed = unsigned(header, payload);
        let signature = jsonwebtoken::crypto::sign(signed.as_bytes(), &self.key, jwa).unwrap();
        format!("{signed}.{signature}")
    }
}

/// `header.payload` in base64url.
pub(super) fn unsigned(header: &str, payload: &str) -> String {
    let part = |text: &str| URL_SAFE_NO_PAD.encode(text);
    format!("{}.{}", part(header), part(payload))
}

pub(super) struct Signers {
    pub(super) es256: Signer,
    pub(super) other_es256: Signer,
    pub(super) es384: Signer,
    pub(super) ed: Signer,
    pub(super) rsa: Signer,
}

pub(super) static SIGNERS: LazyLock<Signers> = LazyLock::new(|| {
    let p256 = || KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).unwrap();
    let p384 = KeyPair::generate_for(&PKCS_ECDSA_P384_SHA384).unwrap();
    let ed = KeyPair::generate_for(&PKCS_ED25519).unwrap();
    let rsa = KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, RsaKeySize::_2048).unwrap();
    Signers {
        es256: Signer::new(&p256(), Jwa::ES256),
        other_es256: Signer::new(&p256(), Jwa::ES256),
        es384: Signer::new(&p384, Jwa::ES384),
        ed: Signer::new(&ed, Jwa::EdDSA),
        rsa: Signer::new(&rsa, Jwa::RS256),
    }
});

pub(super) fn key_set(keys: &[Value]) -> Vec<u8> {
    json!({ "keys": keys }).to_string().into_bytes()
}

pub(super) fn path(members: &[&str]) -> ClaimPath {
    ClaimPath::new(members.iter().map(|&member| member.to_owned()).collect()).unwrap()
}

pub(super) fn config(algorithms: &[Algorithm]) -> JwtConfig {
    JwtConfig {
        keys: KeySource::File("keys.json".into()),
        issuer: ISSUER.into(),
        audience: AUDIENCE.into(),
        algorithms: algorithms.to_vec(),
        leeway_seconds: 30,
        claims: ClaimPaths {
            user: Some(path(&["on_behalf_of"])),
            agent: Some(path(&["agent"])),
            client: Some(path(&["azp"])),
            roles: Some(path(&["realm_access", "roles"])),
            delegation: Some(path(&["act"])),
            attributes: vec![("department".into(), path(&["https://acme.example/dept"]))],
            ..ClaimPaths::default()
        },
    }
}

/// Believes the first ES256 key, `kid` `k1`, alone.
pub(super) fn verifier() -> JwtVerifier {
    let keys = key_set(&[SIGNERS.es256.jwk(json!({"kid": "k1"}))]);
    JwtVerifier::from_jwks(&keys, &config(&[Algorithm::Es256])).unwrap()
}

pub(super) const HEADER: &str = r#"{"alg":"ES256","kid":"k1","typ":"JWT"}"#;

/// Sound claims for a subject, with more members or other values; `null` removes one.
pub(super) fn claims(changes: Value) -> String {
    let mut claims = json!({
        "iss": ISSUER, "aud": AUDIENCE, "sub": "agent_analytics",
        "exp": NOW_SECONDS + 300, "iat": NOW_SECONDS - 10,
    });
    let members = claims.as_object_mut().unwrap();
    for (name, value) in changes.as_object().unwrap().clone() {
        match value {
            Value::Null => members.remove(&name),
            value => members.insert(name, value),
        };
    }
    claims.to_string()
}

/// A sound token of the first ES256 key with such claims.
pub(super) fn token(changes: Value) -> Token {
    Token::new(SIGNERS.es256.sign(HEADER, &claims(changes)))
}

/// A self-signed certificate (DER) with these subject alternative names.
pub(super) fn certificate(names: Vec<SanType>) -> Vec<u8> {
    let mut params = CertificateParams::default();
    params.subject_alt_names = names;
    let key = KeyPair::generate().unwrap();
    params.self_signed(&key).unwrap().der().to_vec()
}
