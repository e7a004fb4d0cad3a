//! Claims that are signed soundly and refused all the same.

use super::*;

#[test]
fn refuses_claims() {
    let n = NOW_SECONDS;
    let deep = (0..20).fold(json!("x"), |inner, _| json!({"sub": "a", "act": inner}));
    let actors = (0..17).fold(
        json!({"sub": "a"}),
        |inner, _| json!({"sub": "a", "act": inner}),
    );
    let cases = [
        (json!({"iss": null}), "the token has no claim `iss`"),
        (
            json!({"iss": [ISSUER]}),
            "the token's claim `iss` has the wrong shape",
        ),
        (
            json!({"iss": "https://issuer.example/"}),
            "the token is from another issuer",
        ),
        (json!({"aud": null}), "the token has no claim `aud`"),
        (
            json!({"aud": {"toolgate": 1}}),
            "the token's claim `aud` has the wrong shape",
        ),
        (
            json!({"aud": [AUDIENCE, 1]}),
            "the token's claim `aud` has the wrong shape",
        ),
        (
            json!({"aud": "toolgate2"}),
            "the token is for another audience",
        ),
        (json!({"aud": []}), "the token is for another audience"),
        (json!({"exp": null}), "the token has no claim `exp`"),
        (
            json!({"exp": "2026-11-21"}),
            "the token's claim `exp` has the wrong shape",
        ),
        (
            json!({"exp": -1}),
            "the token's claim `exp` has the wrong shape",
        ),
        (
            json!({"exp": 1e300}),
            "the token's claim `exp` has the wrong shape",
        ),
        (json!({"exp": n - 30}), "the token has expired"),
        (json!({"exp": n - 30_000}), "the token has expired"),
        (json!({"nbf": n + 31}), "the token is not valid yet"),
        (
            json!({"nbf": true}),
            "the token's claim `nbf` has the wrong shape",
        ),
        (json!({"iat": n + 31}), "the token was issued in the future"),
        (
            json!({"iat": "now"}),
            "the token's claim `iat` has the wrong shape",
        ),
        (json!({"sub": null}), "the token has no claim `sub`"),
        (
            json!({"sub": ""}),
            "the token's claim `sub` has the wrong shape",
        ),
        (
            json!({"sub": 7}),
            "the token's claim `sub` has the wrong shape",
        ),
        (
            json!({"sub": "a\nb"}),
            "the token's claim `sub` has the wrong shape",
        ),
        (
            json!({"sub": "a".repeat(513)}),
            "the token's claim `sub` has the wrong shape",
        ),
        (
            json!({"agent": ["a"]}),
            "the token's claim `agent` has the wrong shape",
        ),
        (
            json!({"on_behalf_of": false}),
            "the token's claim `on_behalf_of` has the wrong shape",
        ),
        (
            json!({"realm_access": {"roles": "admin"}}),
            "the token's claim `realm_access.roles` has the wrong shape",
        ),
        (
            json!({"realm_access": {"roles": ["admin", 1]}}),
            "the token's claim `realm_access.roles` has the wrong shape",
        ),
        (
            json!({"realm_access": {"roles": vec!["r"; 257]}}),
            "the token's claim `realm_access.roles` has the wrong shape",
        ),
        (
            json!({"act": {"sub": 1}}),
            "the token's claim `act` has the wrong shape",
        ),
        (
            json!({"act": deep}),
            "the token's claim `act` has the wrong shape",
        ),
        (
            json!({"act": actors}),
            "the token's claim `act` has the wrong shape",
        ),
        (
            json!({"act": "a:one"}),
            "the token's claim `act` has the wrong shape",
        ),
    ];
    for (changes, expected) in cases {
        let token = token(changes.clone());
        let error = verifier().verify(&token, now()).unwrap_err();
        assert_eq!(error.to_string(), expected, "{changes}");
    }
}
