//! The parts that identity is put together from.

use super::*;

#[test]
fn directory_entries_that_cannot_be_read_are_disabled() {
    for (text, disabled) in [
        ("{}", false),
        (
            r#"{"roles": [], "attributes": {"a": 1}, "note": "x"}"#,
            false,
        ),
        (r#"{"disabled": false}"#, false),
        (r#"{"disabled": true}"#, true),
        (r#"{"disabled": "no"}"#, true),
        (r#"{"disabled": null}"#, true),
        (r#"{"roles": ["a", 1]}"#, true),
        (r#"{"roles": {"a": true}}"#, true),
        (r#"{"attributes": []}"#, true),
        ("[]", true),
        ("null", true),
    ] {
        let entry = crate::model::json::parse(text.as_bytes(), crate::model::json::Limits::REQUEST);
        assert_eq!(
            DirectoryEntry::from_json(&entry.unwrap()).disabled,
            disabled,
            "{text}"
        );
    }
}

#[test]
fn patterns_and_names_are_checked() {
    for (text, expected) in [
        ("", "a pattern may not be empty"),
        ("a*b", "`a*b` has a `*` that is not at its end"),
        ("**", "`**` has a `*` that is not at its end"),
    ] {
        assert_eq!(Pattern::parse(text).unwrap_err().to_string(), expected);
    }
    for text in [
        "spiffe://acme*",
        "spiffe://*/x",
        "spiffe://acme.example/",
        "acme.example/x",
        "",
    ] {
        let expected = format!(
            "`{text}` is not a SPIFFE id such as `spiffe://acme.example/shim/crm`; a `*` may end its path only"
        );
        assert_eq!(KnownBy::spiffe_id(text).unwrap_err().to_string(), expected);
    }
    for text in ["*.acme.example", "", "a..b", "a b"] {
        let expected = format!(
            "`{text}` is not a DNS name such as `shim.acme.example`; wildcards name nobody"
        );
        assert_eq!(KnownBy::dns_name(text).unwrap_err().to_string(), expected);
    }
    assert!(Pattern::any().matches(""));
}

#[test]
fn session_ids_differ_in_each_part_and_only_there() {
    let principal = |id: &str, agent: Option<&str>, client: Option<&str>| Principal {
        id: id.into(),
        agent: agent.map(str::to_owned),
        client: client.map(str::to_owned),
        ..Principal::default()
    };
    let ids = [
        session_id("t", &principal("p", Some("a"), Some("c")), "s"),
        session_id("t2", &principal("p", Some("a"), Some("c")), "s"),
        session_id("t", &principal("p2", Some("a"), Some("c")), "s"),
        session_id("t", &principal("p", None, Some("c")), "s"),
        session_id("t", &principal("p", Some(""), Some("c")), "s"),
        session_id("t", &principal("p", Some("c"), Some("a")), "s"),
        session_id("t", &principal("p", Some("ac"), Some("")), "s"),
        session_id("t", &principal("p", Some("a"), None), "s"),
        session_id("t", &principal("p", Some("a"), Some("c")), "s2"),
        session_id("tp", &principal("", Some("a"), Some("c")), "s"),
    ];
    let distinct: std::collections::HashSet<_> = ids.iter().collect();
    assert_eq!(distinct.len(), ids.len());
    let renamed = Principal {
        user: Some("u:x".into()),
        roles: vec!["r".into()],
        ..principal("p", Some("a"), Some("c"))
    };
    assert_eq!(session_id("t", &renamed, "s"), ids[0]);
    // The value itself: sessions survive a restart of the PDP.
    let value = "8f1a3b97bf2ff6d5ca56c187d8458c7ae91d9ca49ec7fab193ebccdfa832c56e";
    assert_eq!(ids[0], value);
}
