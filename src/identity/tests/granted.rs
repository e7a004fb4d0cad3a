//! Who is known, and what that carries.

use super::*;

#[test]
fn an_asserted_subject_gets_its_roles_from_the_directory() {
    let subject = Subject::Asserted(Asserted {
        user: Some("u:ann".into()),
        agent: Some("a:claude".into()),
        client: Some("c:ide".into()),
        roles: vec!["admin".into()],
        attributes: Object::from_iter([("department", "board")]),
        delegation: vec!["u:ann".into(), "a:claude".into()],
        ..asserted("agent_analytics")
    });
    let known = ask(&shim(), subject).unwrap();
    let expected = r#"{"id":"agent_analytics","user":"u:ann","agent":"a:claude","client":"c:ide","roles":["analyst"],"attributes":{"department":"finance"},"delegation":["u:ann","a:claude"],"authenticated_by":"shim","roles_from":"directory"}"#;
    assert_eq!(known.principal.to_json().to_string(), expected);
    assert_eq!(known.caller, "shim-crm");
    assert_eq!(known.tenant, "default");
    assert_eq!(known.dropped, ["roles", "attributes"]);
    assert_eq!(known.accepted_until, None);
}

#[test]
fn the_first_source_that_knows_gives_roles_and_attributes() {
    use RolesFrom::{Directory, Shim, Token};
    let with_roles = |id: &str| {
        Subject::Asserted(Asserted {
            roles: vec!["said".into()],
            ..asserted(id)
        })
    };
    let bearer =
        |roles: &[&str]| Subject::BearerToken(token(json!({"realm_access": {"roles": roles}})));
    let uid = Peer::UnixUid(1000);
    let nobody = Subject::BearerToken(token(json!({"sub": "agent_x"})));
    let plain = Subject::BearerToken(token(json!({})));
    let all = vec![Token, Directory, Shim];
    let cases = [
        (
            all.clone(),
            &uid,
            with_roles("agent_x"),
            Some(Shim),
            vec!["said"],
        ),
        (
            all.clone(),
            &uid,
            with_roles("agent_analytics"),
            Some(Directory),
            vec!["analyst"],
        ),
        (
            vec![Shim, Directory],
            &uid,
            with_roles("agent_analytics"),
            Some(Shim),
            vec!["said"],
        ),
        (vec![Directory], &uid, with_roles("agent_x"), None, vec![]),
        (all.clone(), &shim(), with_roles("agent_x"), None, vec![]),
        (
            all.clone(),
            &shim(),
            says("agent_empty"),
            Some(Directory),
            vec![],
        ),
        (all.clone(), &shim(), says("agent_x"), None, vec![]),
        (
            all.clone(),
            &shim(),
            bearer(&["reader"]),
            Some(Token),
            vec!["reader"],
        ),
        (all.clone(), &shim(), bearer(&[]), Some(Token), vec![]),
        (
            vec![Directory, Token],
            &shim(),
            bearer(&["reader"]),
            Some(Directory),
            vec!["analyst"],
        ),
        (
            all.clone(),
            &shim(),
            plain,
            Some(Directory),
            vec!["analyst"],
        ),
        (all, &shim(), nobody, None, vec![]),
    ];
    for (number, (order, peer, subject, from, roles)) in cases.into_iter().enumerate() {
        let identity = Identity::new(callers(), order, Some(verifier()));
        let known = identity
            .authenticate(peer, subject, "crm", Object::new(), &people(), now())
            .unwrap();
        assert_eq!(known.principal.roles_from, from, "case {number}");
        assert_eq!(known.principal.roles, roles, "case {number}");
        let word_unused = from != Some(Shim) && number < 5;
        assert_eq!(
            known.dropped.contains(&"roles".to_owned()),
            word_unused,
            "case {number}"
        );
    }
}

#[test]
fn each_peer_is_its_own_caller() {
    let token_of = |sub: &str| Peer::Token(token(json!({"sub": sub})));
    for (peer, caller, authenticated_by, id) in [
        (shim(), "shim-crm", "mtls", "shim-crm"),
        (
            certificate_of(&["spiffe://acme.example/ns/a/b"], &[]),
            "namespace@spiffe:%2F%2Facme.example%2Fns%2Fa%2Fb",
            "mtls",
            "namespace",
        ),
        (
            certificate_of(&[], &["x", "shim.acme.example"]),
            "shim-dns",
            "mtls",
            "shim-dns",
        ),
        (Peer::UnixUid(1000), "trusted", "peer_uid", "trusted"),
        (token_of("shim_7"), "shim-token@shim_7", "jwt", "shim_7"),
    ] {
        let known = ask(&peer, Subject::None).unwrap();
        assert_eq!(known.caller, caller);
        assert_eq!(known.principal.authenticated_by.as_str(), authenticated_by);
        assert_eq!(known.principal.id, id);
        assert_eq!(known.accepted_until.is_some(), authenticated_by == "jwt");
    }
    // Roles of the caller itself come from the directory, under the name of its entry.
    assert_eq!(
        ask(&shim(), Subject::None).unwrap().principal.roles,
        ["shim"]
    );
    // A token alone is enough where an entry names its subject.
    let bearer = Subject::BearerToken(token(json!({})));
    let known = ask(&Peer::Anonymous, bearer).unwrap();
    assert_eq!(
        (known.caller.as_str(), known.tenant.as_str()),
        ("agents@agent_analytics", "default")
    );
    assert_eq!(known.principal.authenticated_by, AuthenticatedBy::Jwt);
}

#[test]
fn tenants_of_entry_and_tokens_agree_or_the_call_is_denied() {
    let mut config = config(&[Algorithm::Es256]);
    config.claims.tenant = Some(path(&["org"]));
    let keys = key_set(&[SIGNERS.es256.jwk(json!({}))]);
    let verifier = JwtVerifier::from_jwks(&keys, &config).unwrap();
    let identity = identity();
    identity.replace_tokens(verifier);
    let bearer = |org: &str| Subject::BearerToken(token(json!({"org": org})));
    let connection = |org: &str| Peer::Token(token(json!({"org": org, "sub": "shim_1"})));
    let uid = Peer::UnixUid(1000);
    let differs = "subject_not_allowed: the token is of another tenant than the caller";
    for (peer, subject, expected) in [
        (&uid, says("agent_x"), Ok("acme")),
        (&uid, bearer("acme"), Ok("acme")),
        (&uid, bearer("globex"), Err(differs)),
        (&shim(), bearer("globex"), Ok("globex")),
        (&shim(), says("agent_x"), Ok("default")),
        (&connection("globex"), says("agent_x"), Ok("globex")),
        (&connection("globex"), bearer("globex"), Ok("globex")),
        (&connection("globex"), bearer("acme"), Err(differs)),
    ] {
        let known = identity.authenticate(peer, subject, "crm", Object::new(), &people(), now());
        let tenant = known
            .map(|known| known.tenant)
            .map_err(|denied| denied.to_string());
        assert_eq!(tenant, expected.map(str::to_owned).map_err(str::to_owned));
    }
}

#[test]
fn nothing_outlives_the_connection_s_token() {
    let early = Peer::Token(token(json!({"sub": "shim_1", "exp": NOW_SECONDS + 60})));
    let late = || Subject::BearerToken(token(json!({"exp": NOW_SECONDS + 600})));
    let until = |peer, subject| ask(peer, subject).unwrap().accepted_until;
    assert_eq!(until(&early, says("agent_x")), Some(at(NOW_SECONDS + 90)));
    assert_eq!(until(&early, late()), Some(at(NOW_SECONDS + 90)));
    assert_eq!(until(&shim(), late()), Some(at(NOW_SECONDS + 630)));
    // Roles of the connection's token are the shim's own, never its subject's.
    let with_roles = json!({"sub": "shim_1", "realm_access": {"roles": ["admin"]}});
    let known = ask(&Peer::Token(token(with_roles)), says("agent_x")).unwrap();
    assert_eq!(known.principal.roles, Vec::<String>::new());
}

#[test]
fn context_keys_beyond_the_caller_are_dropped_and_noted() {
    let known_with = |context: Object| {
        identity()
            .authenticate(&shim(), says("agent_x"), "crm", context, &people(), now())
            .unwrap()
    };
    let context = Object::from_iter([
        ("purpose", "billing"),
        ("channel", "internal"),
        ("correlation_id", "7"),
        ("client_session", "s"),
        ("PURPOSE", "x"),
    ]);
    let known = known_with(context);
    let kept = r#"{"purpose":"billing","correlation_id":"7","client_session":"s"}"#;
    assert_eq!(Json::from(known.context).to_string(), kept);
    assert_eq!(known.dropped, ["context.channel", "context.PURPOSE"]);
    let many = (0..100)
        .map(|n| (format!("é{n}{}", "x".repeat(100)), "v"))
        .collect();
    let dropped = known_with(many).dropped;
    assert_eq!(dropped.len(), 33);
    assert_eq!(dropped[32], "and 68 more");
    assert!(dropped.iter().all(|name| name.chars().count() <= 65));
}

#[test]
fn a_connection_alone_tells_its_caller() {
    let token_of = |sub: &str| Peer::Token(token(json!({"sub": sub})));
    let known = |peer: &Peer| {
        let known = identity().known_caller(peer, now());
        known.map_err(|denied| denied.reason.code)
    };
    assert_eq!(known(&shim()), Ok("shim-crm".to_owned()));
    assert_eq!(known(&token_of("shim_1")), Ok("shim-token".to_owned()));
    let nobody = Err("unauthenticated".to_owned());
    assert_eq!(known(&token_of("other")), nobody);
    assert_eq!(known(&Peer::Token(Token::new("x"))), nobody);
    assert_eq!(known(&Peer::Anonymous), nobody);
}
