mod denied;
mod granted;
mod parts;

use super::testing::*;
use super::*;
use crate::model::json::Json;
use crate::model::principal::AuthenticatedBy;
use crate::model::subject::Asserted;
use proptest::prelude::*;
use serde_json::json;
use std::collections::HashMap;

const SHIM: &str = "spiffe://acme.example/shim/crm";

fn patterns(texts: &[&str]) -> Vec<Pattern> {
    texts
        .iter()
        .map(|text| Pattern::parse(text).unwrap())
        .collect()
}

fn caller(name: &str, known_by: KnownBy) -> Caller {
    Caller {
        name: name.into(),
        known_by,
        servers: patterns(&["crm", "docs-*"]),
        subjects: patterns(&["agent_*", "u:*", "a:*", "c:ide"]),
        context: patterns(&["purpose"]),
        may: Permission::DEFAULT.to_vec(),
        assert_roles: false,
        tenants: Vec::new(),
    }
}

fn callers() -> Vec<Caller> {
    let trusted = Caller {
        assert_roles: true,
        tenants: vec!["acme".into()],
        ..caller("trusted", KnownBy::Uid(1000))
    };
    let of_token = |subject| KnownBy::Token {
        issuer: ISSUER.into(),
        subject: Pattern::parse(subject).unwrap(),
    };
    vec![
        caller("shim-crm", KnownBy::spiffe_id(SHIM).unwrap()),
        caller(
            "namespace",
            KnownBy::spiffe_id("spiffe://acme.example/ns/*").unwrap(),
        ),
        caller("shim-dns", KnownBy::dns_name("Shim.Acme.Example").unwrap()),
        trusted,
        caller("shim-token", of_token("shim_*")),
        caller("agents", of_token("agent_*")),
    ]
}

fn identity() -> Identity {
    use RolesFrom::{Directory, Shim, Token};
    Identity::new(callers(), vec![Token, Directory, Shim], Some(verifier()))
}

fn certificate_of(spiffe_ids: &[&str], dns_names: &[&str]) -> Peer {
    let owned = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
    Peer::Certificate {
        spiffe_ids: owned(spiffe_ids),
        dns_names: owned(dns_names),
    }
}

fn shim() -> Peer {
    certificate_of(&[SHIM], &[])
}

fn asserted(id: &str) -> Asserted {
    Asserted {
        id: id.into(),
        ..Asserted::default()
    }
}

fn says(id: &str) -> Subject {
    Subject::Asserted(asserted(id))
}

fn people() -> HashMap<String, DirectoryEntry> {
    let text = br#"{
        "agent_analytics": {"roles": ["analyst"], "attributes": {"department": "finance"}},
        "agent_empty": {},
        "agent_off": {"disabled": true, "roles": ["admin"]},
        "agent_broken": {"roles": "admin"},
        "u:gone": {"disabled": true},
        "shim-crm": {"roles": ["shim"]}
    }"#;
    let principals = crate::model::json::parse(text, crate::model::json::Limits::REQUEST).unwrap();
    directory(principals.as_object().unwrap())
}

fn ask(peer: &Peer, subject: Subject) -> Result<Identified, Box<Denied>> {
    identity().authenticate(peer, subject, "crm", Object::new(), &people(), now())
}

/// `code: detail`, as the log shows it.
fn denial(peer: &Peer, subject: Subject) -> String {
    ask(peer, subject).unwrap_err().to_string()
}
