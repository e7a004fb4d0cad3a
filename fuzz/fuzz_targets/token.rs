//! Nobody gets in with a token but by one that the issuer signed. The seed is such a token; its
//! key is gone. What starts with `{` is read as a key set instead.
#![no_main]

use libfuzzer_sys::fuzz_target;
use std::collections::HashMap;
use std::sync::LazyLock;
use toolgate::identity::{
    Algorithm, Caller, ClaimPaths, Identity, JwtConfig, JwtVerifier, KnownBy, Pattern, Peer,
    Permission,
};
use toolgate::model::json::Object;
use toolgate::model::subject::{Subject, Token};
use toolgate::model::time::Timestamp;

const JWKS: &[u8] = include_bytes!("../keys/jwks.json");
const SIGNED: &str = include_str!("../seeds/token/signed");
const ISSUER: &str = "https://issuer.example";
/// 2026-11-21T10:00:00Z, within the seed's dates.
const NOW: Timestamp = Timestamp::from_nanos(1_795_255_200_000_000_000);

static CONFIG: LazyLock<JwtConfig> = LazyLock::new(|| JwtConfig {
    jwks_file: "jwks.json".into(),
    issuer: ISSUER.to_owned(),
    audience: "toolgate".to_owned(),
    algorithms: vec![Algorithm::Es256],
    leeway_seconds: 30,
    claims: ClaimPaths::default(),
});

static IDENTITY: LazyLock<Identity> = LazyLock::new(|| {
    let any = Pattern::parse("*").expect("a pattern");
    let caller = Caller {
        name: "agents".to_owned(),
        known_by: KnownBy::Token {
            issuer: ISSUER.to_owned(),
            subject: any.clone(),
        },
        servers: vec![any],
        subjects: Vec::new(),
        context: Vec::new(),
        may: Permission::DEFAULT.to_vec(),
        assert_roles: false,
        tenants: Vec::new(),
    };
    let keys = JwtVerifier::from_jwks(JWKS, &CONFIG).expect("a key set");
    Identity::new(vec![caller], Vec::new(), Some(keys))
});

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    if text.trim_start().starts_with('{') {
        if let Ok(verifier) = JwtVerifier::from_jwks(data, &CONFIG) {
            assert_eq!(verifier.issuer(), ISSUER);
        }
        return;
    }
    let accepted = is_accepted(Peer::Token(Token::new(text)));
    let as_subject = Subject::BearerToken(Token::new(text));
    let as_subject = authenticate(&Peer::Anonymous, as_subject);
    assert_eq!(accepted, as_subject, "two ways to one answer");
    let signed = |token: &str| token.rsplit_once('.').map(|(signed, _)| signed.to_owned());
    let is_issued = signed(text) == signed(SIGNED.trim_end());
    assert!(!accepted || is_issued, "a forged token was accepted");
});

fn is_accepted(peer: Peer) -> bool {
    authenticate(&peer, Subject::None)
}

fn authenticate(peer: &Peer, subject: Subject) -> bool {
    let nobody = HashMap::new();
    IDENTITY
        .authenticate(peer, subject, "crm", Object::new(), &nobody, NOW)
        .is_ok()
}
