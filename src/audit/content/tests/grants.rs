use super::super::grant::*;
use super::*;
use crate::audit::sign::SigningKey;
use crate::tlog::{KeyKind, NoteError, VerifierKey};
use std::time::Duration;

fn later(seconds: u64) -> Timestamp {
    TIME.plus(Duration::from_secs(seconds))
}

#[test]
fn a_grant_lets_one_reader_read_for_one_reason_for_some_time() {
    let (key, _) = SigningKey::generate().unwrap();
    let (stranger, _) = SigningKey::generate().unwrap();
    let legal = key.verifier("legal").unwrap();
    let witness = VerifierKey::new("legal", KeyKind::Witness, *legal.public()).unwrap();
    let hash = "0".repeat(64);
    let reference: Reference = format!("acme/2026-11/{hash}").parse().unwrap();
    let good = Grant {
        content: reference.to_string(),
        reader: "auditor".to_owned(),
        expires: later(600),
        justification: "complaint 17".to_owned(),
    };
    let of = |change: &dyn Fn(&mut Grant)| {
        let mut grant = good.clone();
        change(&mut grant);
        grant.sign(&key, "legal").unwrap()
    };
    let whole = of(&|_| ());
    let asked = Asked {
        content: &reference,
        reader: "auditor",
        justification: "complaint 17",
        now: TIME,
    };
    let approve =
        |grant: &str, asked| approved_by(grant.as_bytes(), std::slice::from_ref(&legal), asked);
    let cases = [
        (whole.clone(), Ok("legal".to_owned())),
        (
            of(&|grant| grant.content = "acme/2026-11/*".to_owned()),
            Ok("legal".to_owned()),
        ),
        (
            of(&|grant| grant.content = "acme/2026-1*".to_owned()),
            Ok("legal".to_owned()),
        ),
        (
            of(&|grant| grant.content = "globex/*".to_owned()),
            Err(GrantError::OtherContent),
        ),
        (
            of(&|grant| grant.content = "acme/2026-11".to_owned()),
            Err(GrantError::OtherContent),
        ),
        (
            of(&|grant| grant.reader = "operator".to_owned()),
            Err(GrantError::OtherReader),
        ),
        (
            of(&|grant| grant.justification = "fun".to_owned()),
            Err(GrantError::OtherJustification),
        ),
        (of(&|grant| grant.expires = TIME), Err(GrantError::Expired)),
        (
            of(&|grant| grant.expires = later(GRANT_SECONDS_MAX + 1)),
            Err(GrantError::TooLong),
        ),
        (
            good.sign(&stranger, "legal").unwrap(),
            Err(GrantError::Unknown),
        ),
        (good.sign(&key, "sales").unwrap(), Err(GrantError::Unknown)),
        (
            whole.replace("complaint 17", "complaint 18"),
            Err(GrantError::Forged(NoteError::Forged {
                key: format!("legal+{:08x}", legal.id()),
            })),
        ),
        (whole.replace("\n\n", "\n"), Err(GrantError::Form)),
        (String::new(), Err(GrantError::Form)),
        ("x".repeat(GRANT_BYTES_MAX + 1), Err(GrantError::Form)),
    ];
    for (grant, expected) in cases {
        assert_eq!(approve(&grant, asked), expected, "{grant}");
    }
    assert_eq!(
        approve(
            &whole,
            Asked {
                now: later(600),
                ..asked
            }
        ),
        Err(GrantError::Expired)
    );
    assert_eq!(
        approve(
            &whole,
            Asked {
                now: later(599),
                ..asked
            }
        ),
        Ok("legal".to_owned())
    );
    // Nobody approves what they read themselves.
    let own = Grant {
        reader: "legal".to_owned(),
        ..good.clone()
    };
    let own = own.sign(&key, "legal").unwrap();
    assert_eq!(
        approve(
            &own,
            Asked {
                reader: "legal",
                ..asked
            }
        ),
        Err(GrantError::Own)
    );
    // No approver, and one who can only witness.
    assert_eq!(
        approved_by(whole.as_bytes(), &[], asked),
        Err(GrantError::Unknown)
    );
    assert_eq!(
        approved_by(whole.as_bytes(), &[witness], asked),
        Err(GrantError::Unknown)
    );
}

#[test]
fn what_does_not_fit_in_a_grant_is_not_signed() {
    let (key, _) = SigningKey::generate().unwrap();
    let good = Grant {
        content: "acme/*".to_owned(),
        reader: "auditor".to_owned(),
        expires: TIME,
        justification: "complaint 17".to_owned(),
    };
    let cases = [
        (
            Grant {
                reader: "a\nb".to_owned(),
                ..good.clone()
            },
            "legal",
            "reader",
        ),
        (
            Grant {
                justification: " ".to_owned(),
                ..good.clone()
            },
            "legal",
            "justification",
        ),
        (
            Grant {
                justification: "x".repeat(513),
                ..good.clone()
            },
            "legal",
            "justification",
        ),
        (
            Grant {
                content: String::new(),
                ..good.clone()
            },
            "legal",
            "content",
        ),
        (good.clone(), "no name", "approver"),
    ];
    for (grant, approver, line) in cases {
        assert_eq!(grant.sign(&key, approver), Err(GrantError::Line(line)));
    }
}
