use super::*;
use crate::identity::{Algorithm, Identity, Peer, testing};
use crate::model::subject::Token;
use serde_json::json;
use std::sync::atomic::{AtomicUsize, Ordering};

fn parts(url: &KeyUrl) -> (&str, &str, u16, &str, bool) {
    let KeyUrl {
        authority,
        host,
        port,
        path,
        is_tls,
    } = url;
    (authority, host, *port, path, *is_tls)
}

#[test]
fn addresses_of_key_servers() {
    for (text, expected) in [
        (
            "https://issuer.example",
            ("issuer.example", "issuer.example", 443, "/", true),
        ),
        (
            "HTTPS://Issuer.example:8443/a/jwks?v=1",
            (
                "Issuer.example:8443",
                "Issuer.example",
                8443,
                "/a/jwks?v=1",
                true,
            ),
        ),
        (
            "https://[2001:db8::1]/k",
            ("[2001:db8::1]", "2001:db8::1", 443, "/k", true),
        ),
        (
            "http://localhost/k",
            ("localhost", "localhost", 80, "/k", false),
        ),
        (
            "http://127.8.0.1:8080/k",
            ("127.8.0.1:8080", "127.8.0.1", 8080, "/k", false),
        ),
        ("http://[::1]:1/", ("[::1]:1", "::1", 1, "/", false)),
    ] {
        assert_eq!(parts(&KeyUrl::parse(text).unwrap()), expected, "{text}");
    }
}

#[test]
fn addresses_that_are_none() {
    use KeyUrlError::{Credentials, NotAbsolute, NotSecure};
    let long = format!("https://a/{}", "x".repeat(URL_BYTES_MAX));
    for (text, expected) in [
        ("", NotAbsolute),
        ("keys.json", NotAbsolute),
        ("/keys.json", NotAbsolute),
        ("issuer.example:443", NotAbsolute),
        ("https://", NotAbsolute),
        ("https:///k", NotAbsolute),
        ("https://:443/k", NotAbsolute),
        ("https://a b/", NotAbsolute),
        ("https://a/#k", NotAbsolute),
        ("ftp://a/k", NotAbsolute),
        ("file:///k", NotAbsolute),
        (&long, NotAbsolute),
        ("https://me@a/k", Credentials),
        ("https://me:secret@a/k", Credentials),
        ("http://issuer.example/k", NotSecure),
        ("http://localhost.example/k", NotSecure),
        ("http://128.0.0.1/k", NotSecure),
        ("http://[::2]/k", NotSecure),
    ] {
        assert_eq!(KeyUrl::parse(text), Err(expected), "{text}");
    }
}

/// Which tokens ask for other keys: those that are refused for lack of one, and no others.
#[test]
fn only_lack_of_a_key_asks_for_keys() {
    let identity = Identity::new(Vec::new(), Vec::new(), Some(testing::verifier()));
    let asked = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&asked);
    identity.on_keys_wanted(move || {
        counted.fetch_add(1, Ordering::Relaxed);
    });
    let sign = |header: &str| {
        Token::new(
            testing::SIGNERS
                .es256
                .sign(header, &testing::claims(json!({}))),
        )
    };
    for (token, asks) in [
        (testing::token(json!({})), false),
        (testing::token(json!({"exp": 1})), false),
        (Token::new("a.b.c"), false),
        (sign(r#"{"alg":"none","kid":"k2"}"#), false),
        (sign(r#"{"alg":"ES256","kid":"k2","crit":[]}"#), false),
        (sign(r#"{"alg":"ES256","kid":"k2"}"#), true),
    ] {
        let before = asked.load(Ordering::Relaxed);
        let denied = identity.known_caller(&Peer::Token(token), testing::now());
        let denied = denied.unwrap_err();
        assert_eq!(
            asked.load(Ordering::Relaxed) - before,
            usize::from(asks),
            "{denied}"
        );
        assert_eq!(denied.reason.retryable, asks, "{denied}");
        assert_eq!(denied.reason.code, "unauthenticated");
    }
    // Of a file, nobody is told, and trying again is no use.
    let of_file = Identity::new(Vec::new(), Vec::new(), Some(testing::verifier()));
    let token = Peer::Token(sign(r#"{"alg":"ES256","kid":"k2"}"#));
    let denied = of_file.known_caller(&token, testing::now()).unwrap_err();
    assert!(!denied.reason.retryable);
}

#[test]
fn keys_of_a_server_are_missing_then_fresh_then_too_old() {
    let server = KeyServer {
        url: KeyUrl::parse("https://issuer.example/k").unwrap(),
        ca_file: None,
        refresh: Duration::from_secs(1),
        stale_max: Duration::from_secs(100),
    };
    let mut config = testing::config(&[Algorithm::Es256]);
    config.keys = KeySource::Server(server);
    let identity = Identity::new(Vec::new(), Vec::new(), Some(JwtVerifier::awaiting(&config)));
    let far = json!({"exp": testing::NOW_SECONDS + 1000, "iat": 0});
    let said = |after_seconds: i64| {
        let now = testing::at(testing::NOW_SECONDS + after_seconds);
        let peer = Peer::Token(testing::token(far.clone()));
        let denied = identity.known_caller(&peer, now).unwrap_err();
        (denied.reason.code.clone(), denied.detail)
    };
    let missing = "no key set has been fetched yet";
    let stale = "the key set was fetched too long ago";
    // The token is in order; that nobody here is known by it is another matter.
    let nobody = "no caller's entry matches what the connection proved";
    let code = |code: &str, detail: &str| (code.to_owned(), detail.to_owned());
    assert_eq!(said(0), code("token_keys_unavailable", missing));
    let keys = testing::key_set(&[testing::SIGNERS.es256.jwk(json!({"kid": "k1"}))]);
    identity.replace_tokens(JwtVerifier::fetched(&keys, &config, testing::now()).unwrap());
    for (after_seconds, expected) in [
        (0, code("unauthenticated", nobody)),
        (99, code("unauthenticated", nobody)),
        (100, code("token_keys_unavailable", stale)),
        (900, code("token_keys_unavailable", stale)),
        // A clock that was set back.
        (-1000, code("unauthenticated", nobody)),
    ] {
        assert_eq!(said(after_seconds), expected, "{after_seconds}");
    }
}
