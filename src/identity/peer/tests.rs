use super::*;
use crate::identity::testing::certificate;
use rcgen::SanType;

fn uri(text: &str) -> SanType {
    SanType::URI(text.try_into().unwrap())
}

fn dns(text: &str) -> SanType {
    SanType::DnsName(text.try_into().unwrap())
}

fn refusal(names: Vec<SanType>) -> String {
    let refused = Peer::from_certificate(&certificate(names)).unwrap_err();
    refused.to_string()
}

#[test]
fn reads_names() {
    let id = "spiffe://acme.example/ns/tools/sa/shim-1_a.B";
    for (names, spiffe_ids, dns_names) in [
        (vec![], vec![], vec![]),
        (vec![uri(id)], vec![id], vec![]),
        (
            vec![uri(id), dns("shim.acme.example")],
            vec![id],
            vec!["shim.acme.example"],
        ),
        (
            vec![
                dns("Shim.Acme.Example"),
                dns("*.acme.example"),
                uri("https://acme.example/x"),
            ],
            vec![],
            vec!["shim.acme.example"],
        ),
    ] {
        let expected = Peer::Certificate {
            spiffe_ids: spiffe_ids.into_iter().map(str::to_owned).collect(),
            dns_names: dns_names.into_iter().map(str::to_owned).collect(),
        };
        assert_eq!(Peer::from_certificate(&certificate(names)), Ok(expected));
    }
}

#[test]
fn refuses_certificates() {
    let several = "the client certificate has a SPIFFE id and 2 URI names; it must have one";
    let id = || uri("spiffe://acme.example/shim");
    assert_eq!(
        refusal(vec![id(), uri("spiffe://acme.example/other")]),
        several
    );
    assert_eq!(refusal(vec![uri("https://acme.example"), id()]), several);
    for bytes in [&b""[..], b"not a certificate", &[0x30, 0x82, 0xff, 0xff]] {
        let refused = Peer::from_certificate(bytes).unwrap_err();
        assert_eq!(refused.to_string(), "the client certificate cannot be read");
    }
    let mut cut = certificate(vec![id()]);
    cut.truncate(cut.len() / 2);
    assert_eq!(
        Peer::from_certificate(&cut),
        Err(CertificateError::Unreadable)
    );
}

#[test]
fn refuses_malformed_spiffe_ids() {
    let long = format!("spiffe://acme.example/{}", "a".repeat(2048));
    for id in [
        "spiffe://",
        "spiffe://acme.example",
        "spiffe://acme.example/",
        "spiffe://acme.example/a/",
        "spiffe://acme.example//a",
        "spiffe://acme.example/../a",
        "spiffe://acme.example/./a",
        "spiffe://Acme.example/a",
        "spiffe://acme.example:443/a",
        "spiffe://user@acme.example/a",
        "spiffe:///a",
        "spiffe://acme.example/a?b",
        "spiffe://acme.example/a#b",
        "spiffe://acme.example/a%20b",
        "SPIFFE://acme.example/a",
        &long,
    ] {
        let expected = "the client certificate's SPIFFE id is malformed";
        assert_eq!(refusal(vec![uri(id)]), expected, "{id}");
    }
}
