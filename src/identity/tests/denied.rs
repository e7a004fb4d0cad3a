//! Who is denied, and what the denial says; most of it stands in `tests/data/identity`.

use super::*;

#[test]
fn denies_subjects_beyond_their_bounds() {
    let with = |change: fn(&mut Asserted)| {
        let mut subject = asserted("agent_x");
        change(&mut subject);
        Subject::Asserted(subject)
    };
    let malformed = |what| {
        format!(
            "malformed_request: `{what}` of the asserted subject is empty, too long or has control characters"
        )
    };
    for (subject, expected) in [
        (says(""), malformed("id")),
        (says("agent_\n"), malformed("id")),
        (says(&format!("agent_{}", "x".repeat(512))), malformed("id")),
        (with(|it| it.user = Some(String::new())), malformed("user")),
        (
            with(|it| it.delegation = vec!["u:a".into(); 17]),
            malformed("roles or delegation"),
        ),
        (
            with(|it| it.roles = vec!["r".into(); 257]),
            malformed("roles or delegation"),
        ),
        (
            with(|it| it.roles = vec![String::new()]),
            malformed("roles or delegation"),
        ),
    ] {
        assert_eq!(denial(&shim(), subject), expected);
    }
}

#[test]
fn denies_a_caller_that_is_disabled() {
    let expected = "subject_not_allowed: the directory has the principal, or one that it acts for, as disabled";
    let reason = ask(&shim(), says("agent_off")).unwrap_err().reason;
    assert_eq!(reason.message, "the principal is disabled");
    let mut off = people();
    off.insert(
        "shim-crm".into(),
        DirectoryEntry {
            disabled: true,
            ..DirectoryEntry::default()
        },
    );
    let denied =
        identity().authenticate(&shim(), says("agent_x"), "crm", Object::new(), &off, now());
    assert_eq!(denied.unwrap_err().to_string(), expected);
}

#[test]
fn a_bad_token_is_never_shown_and_never_passes() {
    let secret = "eyJhbGciOiJub25lIn0.c2VjcmV0.c2lnbmF0dXJl";
    let bad = || Token::new(secret);
    assert_eq!(format!("{:?}", bad()), "Token([redacted])");
    let expected = "unauthenticated: the token's algorithm is not one of the configured ones";
    let by_peer = (Peer::Token(bad()), says("agent_analytics"));
    // Even where the connection is known by its certificate.
    let by_subject = (shim(), Subject::BearerToken(bad()));
    for (peer, subject) in [by_peer, by_subject] {
        let denied = ask(&peer, subject).unwrap_err();
        assert_eq!(denied.to_string(), expected);
        assert_eq!(denied.reason.message, "the token is not valid");
        assert!(!format!("{denied:?}").contains("c2VjcmV0"));
    }
    let no_tokens = Identity::new(callers(), vec![RolesFrom::Token], None);
    let sound = Subject::BearerToken(token(json!({})));
    let denied = no_tokens.authenticate(&shim(), sound, "crm", Object::new(), &people(), now());
    assert_eq!(
        denied.unwrap_err().to_string(),
        "unauthenticated: tokens are not configured"
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn an_arbitrary_token_is_unauthenticated_whoever_passes_it_on(text in ".{0,200}") {
        for peer in [Peer::Token(Token::new(text.clone())), Peer::UnixUid(1000), Peer::Anonymous] {
            let denied = ask(&peer, Subject::BearerToken(Token::new(text.clone()))).unwrap_err();
            prop_assert_eq!(denied.reason.code, "unauthenticated");
        }
    }

    #[test]
    fn no_asserted_name_beyond_the_patterns_passes(id in ".{0,40}", user in ".{0,40}") {
        let subject = Subject::Asserted(Asserted { user: Some(user.clone()), ..asserted(&id) });
        let may = |name: &str| {
            ["agent_", "u:", "a:"].iter().any(|start| name.starts_with(start)) || name == "c:ide"
        };
        if ask(&shim(), subject).is_ok() {
            prop_assert!(may(&id) && may(&user));
        }
    }
}

/// Whom the tokens of a denied question name, as `by, verified, issuer, id, user`.
#[test]
fn a_denial_tells_whom_its_tokens_name() {
    let show = |claim: Option<Claim>| {
        claim.map(|claim| {
            let text = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
            let (issuer, id, user) = (text(claim.issuer), text(claim.id), text(claim.user));
            format!(
                "{} {} {issuer} {id} {user}",
                claim.by.as_str(),
                claim.verified
            )
        })
    };
    let forged = |claims: serde_json::Value| {
        let payload = serde_json::json!(claims).to_string();
        Token::new(SIGNERS.other_es256.sign(HEADER, &payload))
    };
    let eve =
        || forged(json!({"iss": "https://evil.example", "sub": "eve", "on_behalf_of": "u:x"}));
    let evil = Some("token false https://evil.example eve u:x".to_owned());
    let other = || token(json!({"sub": "other", "on_behalf_of": "u:ann"}));
    let sound = Some(format!("token true {ISSUER} other u:ann"));
    let long = forged(json!({"sub": "é".repeat(300)}));
    let cut = Some(format!("token false - {} -", "é".repeat(256)));
    let odd = forged(json!({"sub": ["eve"], "iss": 7}));
    let nobody = Some("token false - - -".to_owned());
    for (peer, subject, by_subject, by_peer) in [
        (shim(), Subject::BearerToken(eve()), evil.clone(), None),
        (shim(), Subject::BearerToken(long), cut, None),
        (shim(), Subject::BearerToken(odd), nobody, None),
        (
            shim(),
            Subject::BearerToken(Token::new("a.b.c")),
            None,
            None,
        ),
        (shim(), Subject::BearerToken(other()), sound.clone(), None),
        (Peer::Token(eve()), says("root"), None, evil.clone()),
        (Peer::Token(other()), says("root"), None, sound.clone()),
        (
            Peer::Token(eve()),
            Subject::BearerToken(other()),
            { Some(format!("token false {ISSUER} other u:ann")) },
            evil.clone(),
        ),
        (
            Peer::Token(other()),
            Subject::BearerToken(eve()),
            evil,
            sound,
        ),
        (Peer::Anonymous, says("root"), None, None),
    ] {
        let denied = ask(&peer, subject).unwrap_err();
        assert_eq!(show(denied.subject_token), by_subject, "{peer:?}");
        assert_eq!(show(denied.peer_token), by_peer, "{peer:?}");
    }
    // Without keys nobody is believed, and still the record says who it was.
    let no_tokens = Identity::new(callers(), vec![RolesFrom::Token], None);
    let subject = Subject::BearerToken(eve());
    let denied = no_tokens.authenticate(&shim(), subject, "crm", Object::new(), &people(), now());
    let named = show(denied.unwrap_err().subject_token);
    assert_eq!(
        named.as_deref(),
        Some("token false https://evil.example eve -")
    );
}
