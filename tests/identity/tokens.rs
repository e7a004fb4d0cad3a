//! Tokens: each shown by the connection, and in the question of somebody who is known.

use super::Pdp;
use super::asking::{Way, ask_by, ask_for, shown};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm as Jwa, EncodingKey};
use rcgen::{
    KeyPair, PKCS_ECDSA_P256_SHA256, PKCS_ECDSA_P384_SHA384, PKCS_ED25519, PKCS_RSA_SHA256,
    RsaKeySize,
};
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::{BTreeMap, HashMap};
use std::sync::LazyLock;
use std::time::{SystemTime, UNIX_EPOCH};
use tonic::Status;
use toolgate::wire::v1::DecideResponse;

const ISSUER: &str = "https://issuer.example";

/// A token as a reader writes it: what differs from a sound one.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Token {
    case: String,
    /// Which key signs: `es256`, `es384`, `ed`, `rsa` and `pinned` (for PS256 alone) are in the key
    /// set, `foreign` is not.
    key: Option<String>,
    /// How it signs; the key's own way if absent.
    alg: Option<String>,
    /// Members of the header that differ; null: absent.
    header: BTreeMap<String, Value>,
    /// Claims that differ.
    claims: BTreeMap<String, Value>,
    /// Dates, in seconds from now.
    dates: BTreeMap<String, i64>,
    /// The payload itself.
    payload: Option<String>,
    /// The header itself.
    header_text: Option<String>,
    /// `act` nested so deeply.
    act_depth: usize,
    /// A claim `pad` with so many letters.
    pad_letters: usize,
    /// What is done to the token: `@t@`, or `@h@.@p@.@s@` of its parts.
    form: Option<String>,
    /// Signed as HMAC, with a public key for a secret.
    hmac: bool,
}

struct Key {
    key: EncodingKey,
    jwa: Jwa,
    public: Value,
}

static KEYS: LazyLock<HashMap<&str, Key>> = LazyLock::new(|| {
    let pairs = [
        (
            "es256",
            KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256),
            Jwa::ES256,
        ),
        (
            "foreign",
            KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256),
            Jwa::ES256,
        ),
        (
            "es384",
            KeyPair::generate_for(&PKCS_ECDSA_P384_SHA384),
            Jwa::ES384,
        ),
        ("ed", KeyPair::generate_for(&PKCS_ED25519), Jwa::EdDSA),
        (
            "rsa",
            KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, RsaKeySize::_2048),
            Jwa::RS256,
        ),
        (
            "pinned",
            KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, RsaKeySize::_2048),
            Jwa::PS256,
        ),
    ];
    let made = pairs.map(|(name, pair, jwa)| (name, key(name, &pair.unwrap(), jwa)));
    made.into_iter().collect()
});

fn key(name: &str, pair: &KeyPair, jwa: Jwa) -> Key {
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
    let members = public.as_object_mut().unwrap();
    members.remove("alg");
    members.insert("kid".into(), name.into());
    if name == "pinned" {
        members.insert("alg".into(), "PS256".into());
    }
    Key { key, jwa, public }
}

/// The key set of the process.
pub fn key_set() -> String {
    let known = KEYS.iter().filter(|(name, _)| **name != "foreign");
    let keys: Vec<&Value> = known.map(|(_, key)| &key.public).collect();
    json!({ "keys": keys }).to_string()
}

#[expect(clippy::disallowed_methods, reason = "the process has the real clock")]
fn now_seconds() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    since.as_secs().try_into().unwrap()
}

fn changed(mut members: Value, changes: &BTreeMap<String, Value>) -> Value {
    let object = members.as_object_mut().unwrap();
    for (name, value) in changes {
        match value {
            Value::Null => object.remove(name),
            value => object.insert(name.clone(), value.clone()),
        };
    }
    members
}

/// A sound token for this subject.
pub fn sound(claims: &BTreeMap<String, Value>) -> String {
    let token = Token {
        claims: claims.clone(),
        ..Token::default()
    };
    token.text()
}

impl Token {
    fn text(&self) -> String {
        let name = self.key.as_deref().unwrap_or("es256");
        let key = &KEYS[name];
        let jwa = self
            .alg
            .as_ref()
            .map_or(key.jwa, |alg| alg.parse().unwrap());
        let header = json!({"alg": format!("{jwa:?}"), "kid": name, "typ": "JWT"});
        let header = changed(header, &self.header).to_string();
        let header = URL_SAFE_NO_PAD.encode(self.header_text.as_ref().unwrap_or(&header));
        let payload = self.payload.clone().unwrap_or_else(|| self.claims());
        let payload = URL_SAFE_NO_PAD.encode(payload);
        let signed = format!("{header}.{payload}");
        let signature = match self.hmac {
            true => {
                let secret = EncodingKey::from_secret(key.public.to_string().as_bytes());
                jsonwebtoken::crypto::sign(signed.as_bytes(), &secret, Jwa::HS256)
            }
            false => jsonwebtoken::crypto::sign(signed.as_bytes(), &key.key, jwa),
        };
        let signature = signature.unwrap();
        let token = format!("{signed}.{signature}");
        let form = self.form.as_deref().unwrap_or("@t@");
        form.replace("@t@", &token)
            .replace("@h@", &header)
            .replace("@p@", &payload)
            .replace("@s@", &signature)
    }

    fn claims(&self) -> String {
        let now = now_seconds();
        let sound = json!({
            "iss": ISSUER, "aud": "toolgate", "sub": "agent_a", "exp": now + 300, "iat": now - 10,
        });
        let mut claims = changed(sound, &self.claims);
        for (name, seconds) in &self.dates {
            claims[name] = (now + seconds).into();
        }
        if self.act_depth > 0 {
            let inner = json!({"sub": "a:inner"});
            let nest = |inner: Value, _| json!({"sub": "a:step", "act": inner});
            claims["act"] = (1..self.act_depth).fold(inner, nest);
        }
        if self.pad_letters > 0 {
            claims["pad"] = "x".repeat(self.pad_letters).into();
        }
        claims.to_string()
    }
}

type Answer = Result<DecideResponse, Status>;

/// Every token in both ways.
pub async fn ask_each(pdp: &Pdp) -> Vec<(String, Answer, Answer)> {
    let mut asked = Vec::new();
    for token in super::given::<Token>("tokens") {
        let text = token.text();
        let by_connection = ask_by(pdp, &text).await;
        let in_question = ask_for(pdp, Way::Unix, &text).await;
        asked.push((token.case, by_connection, in_question));
    }
    asked
}

/// What came of each.
pub fn outcome(asked: Vec<(String, Answer, Answer)>, records: &HashMap<String, Value>) -> Value {
    let of = |(case, by_connection, in_question): &(String, Answer, Answer)| {
        json!({
            "case": case,
            "connection": shown(by_connection, records),
            "question": shown(in_question, records),
        })
    };
    asked.iter().map(of).collect()
}
