//! Bounds of claims. What else is refused of tokens stands in `tests/data/identity`.

use super::*;

#[test]
fn refuses_claims_beyond_their_bounds() {
    let deep = (0..20).fold(json!("x"), |inner, _| json!({"sub": "a", "act": inner}));
    let cases = [
        (
            json!({"realm_access": {"roles": vec!["r"; 257]}}),
            "the token's claim `realm_access.roles` has the wrong shape",
        ),
        (
            json!({"act": deep}),
            "the token's claim `act` has the wrong shape",
        ),
    ];
    for (changes, expected) in cases {
        let token = token(changes.clone());
        let error = verifier().verify(&token, now()).unwrap_err();
        assert_eq!(error.to_string(), expected, "{changes}");
    }
}
