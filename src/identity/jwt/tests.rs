mod claims;
mod properties;

use super::*;
use crate::identity::testing::*;
use jsonwebtoken::Algorithm as Jwa;
use serde_json::{Value, json};

fn refusal(token: &str) -> String {
    let token = Token::new(token);
    verifier().verify(&token, now()).unwrap_err().to_string()
}

/// A token that is sound but for its header.
fn with_header(header: &str) -> String {
    SIGNERS.es256.sign(header, &claims(json!({})))
}

fn check(cases: &[(String, &str)]) {
    for (token, expected) in cases {
        assert_eq!(refusal(token), *expected, "{token}");
    }
}

#[test]
fn reads_a_sound_token() {
    let token = token(json!({
        "on_behalf_of": "u:ann", "agent": "a:claude", "azp": "c:ide",
        "realm_access": {"roles": ["analyst", "reader"]},
        "https://acme.example/dept": "finance",
        "aud": ["other", AUDIENCE],
        "act": {"sub": "a:outer", "act": {"sub": "a:inner"}},
    }));
    let verified = verifier().verify(&token, now()).unwrap();
    let subject = verified.subject;
    assert_eq!(subject.id, "agent_analytics");
    assert_eq!(subject.user.as_deref(), Some("u:ann"));
    assert_eq!(subject.agent.as_deref(), Some("a:claude"));
    assert_eq!(subject.client.as_deref(), Some("c:ide"));
    assert_eq!(subject.delegation, ["a:outer", "a:inner"]);
    let (roles, attributes) = subject.grant.unwrap();
    assert_eq!(roles, ["analyst", "reader"]);
    assert_eq!(
        Json::from(attributes).to_string(),
        r#"{"department":"finance"}"#
    );
    assert_eq!(verified.accepted_until, at(NOW_SECONDS + 330));
}

#[test]
fn accepts_each_algorithm_and_type() {
    let signers = [
        (
            &SIGNERS.es256,
            vec![(Algorithm::Es256, Jwa::ES256, "ES256")],
        ),
        (
            &SIGNERS.es384,
            vec![(Algorithm::Es384, Jwa::ES384, "ES384")],
        ),
        (&SIGNERS.ed, vec![(Algorithm::EdDsa, Jwa::EdDSA, "EdDSA")]),
        (
            &SIGNERS.rsa,
            vec![
                (Algorithm::Rs256, Jwa::RS256, "RS256"),
                (Algorithm::Rs384, Jwa::RS384, "RS384"),
                (Algorithm::Rs512, Jwa::RS512, "RS512"),
                (Algorithm::Ps256, Jwa::PS256, "PS256"),
                (Algorithm::Ps384, Jwa::PS384, "PS384"),
                (Algorithm::Ps512, Jwa::PS512, "PS512"),
            ],
        ),
    ];
    let mut accepted = 0;
    for (signer, algorithms) in signers {
        let keys = key_set(&[signer.jwk(json!({}))]);
        for (algorithm, jwa, name) in algorithms {
            let verifier = JwtVerifier::from_jwks(&keys, &config(&[algorithm])).unwrap();
            let header = json!({"alg": name}).to_string();
            let token = Token::new(signer.sign_as(jwa, &header, &claims(json!({}))));
            verifier.verify(&token, now()).unwrap();
            accepted += 1;
        }
    }
    assert_eq!(accepted, Algorithm::ALL.len());
    for typ in ["JWT", "jwt", "at+jwt", "AT+JWT", "application/at+jwt"] {
        let token = with_header(&json!({"alg": "ES256", "typ": typ}).to_string());
        verifier().verify(&Token::new(token), now()).unwrap();
    }
}

#[test]
fn a_changed_payload_breaks_the_signature() {
    let sound = with_header(HEADER);
    let (_, signature) = sound.rsplit_once('.').unwrap();
    let forged = unsigned(HEADER, &claims(json!({"sub": "admin"})));
    check(&[(
        format!("{forged}.{signature}"),
        "the token's signature is wrong",
    )]);
}

#[test]
fn the_leeway_holds_to_the_second() {
    let n = NOW_SECONDS;
    let sound = token(json!({"exp": n, "nbf": n, "iat": n}));
    for (seconds, valid) in [
        (-31, false),
        (-30, true),
        (0, true),
        (29, true),
        (30, false),
    ] {
        let verdict = verifier().verify(&sound, at(n + seconds));
        assert_eq!(verdict.is_ok(), valid, "{seconds} s");
    }
}

#[test]
fn a_required_tenant_must_be_there() {
    let mut config = config(&[Algorithm::Es256]);
    config.claims.tenant = Some(path(&["org"]));
    let keys = key_set(&[SIGNERS.es256.jwk(json!({}))]);
    let verifier = JwtVerifier::from_jwks(&keys, &config).unwrap();
    let missing = verifier.verify(&token(json!({})), now()).unwrap_err();
    assert_eq!(missing.to_string(), "the token has no claim `org`");
    let found = verifier
        .verify(&token(json!({"org": "acme"})), now())
        .unwrap();
    assert_eq!(found.subject.tenant.as_deref(), Some("acme"));
}

#[test]
fn several_keys_need_a_kid_and_keep_to_their_algorithm() {
    let keys = key_set(&[
        SIGNERS.es256.jwk(json!({"kid": "k1"})),
        SIGNERS.rsa.jwk(json!({"kid": "k2", "alg": "PS256"})),
    ]);
    let algorithms = [Algorithm::Es256, Algorithm::Rs256, Algorithm::Ps256];
    let verifier = JwtVerifier::from_jwks(&keys, &config(&algorithms)).unwrap();
    let verify = |signer: &Signer, jwa, header: Value| {
        let token = signer.sign_as(jwa, &header.to_string(), &claims(json!({})));
        let verdict = verifier.verify(&Token::new(token), now());
        verdict.map(drop).map_err(|error| error.to_string())
    };
    let (es, rsa) = (&SIGNERS.es256, &SIGNERS.rsa);
    let wrong_key = Err("the token's key is not for the token's algorithm".to_owned());
    let no_kid = Err("the token has no `kid`, and the key set has several keys".to_owned());
    assert_eq!(
        verify(es, Jwa::ES256, json!({"alg": "ES256", "kid": "k1"})),
        Ok(())
    );
    assert_eq!(
        verify(rsa, Jwa::PS256, json!({"alg": "PS256", "kid": "k2"})),
        Ok(())
    );
    assert_eq!(verify(es, Jwa::ES256, json!({"alg": "ES256"})), no_kid);
    assert_eq!(
        verify(es, Jwa::ES256, json!({"alg": "ES256", "kid": "k2"})),
        wrong_key
    );
    assert_eq!(
        verify(rsa, Jwa::RS256, json!({"alg": "RS256", "kid": "k2"})),
        wrong_key
    );
    assert_eq!(
        verify(rsa, Jwa::PS256, json!({"alg": "PS256", "kid": "k1"})),
        wrong_key
    );
}
