use super::*;
use rcgen::{CertificateParams, KeyPair, date_time_ymd};

fn at(text: &str) -> Timestamp {
    Timestamp::parse_rfc3339(text).unwrap()
}

fn certificate() -> CertificateDer<'static> {
    let mut params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    params.not_before = date_time_ymd(2026, 1, 1);
    params.not_after = date_time_ymd(2026, 2, 1);
    let key = KeyPair::generate().unwrap();
    params.self_signed(&key).unwrap().der().clone()
}

#[test]
fn a_certificate_is_valid_within_its_bounds() {
    let validity = Validity::of(&certificate()).unwrap();
    for (now, expected) in [
        (
            "2025-12-31T23:59:59Z",
            Some(
                "it is not valid yet, notBefore is 2026-01-01T00:00:00Z: is this machine's clock right?",
            ),
        ),
        ("2026-01-01T00:00:00Z", None),
        ("2026-02-01T00:00:00Z", None),
        (
            "2026-02-01T00:00:01Z",
            Some("it has expired, notAfter is 2026-02-01T00:00:00Z: renew it"),
        ),
    ] {
        let error = validity.at(at(now)).err().map(|error| error.to_string());
        assert_eq!(error.as_deref(), expected, "{now}");
    }
    let expected = at("2026-02-01T00:00:00Z").as_nanos() / 1_000_000_000;
    assert_eq!(i64::try_from(validity.not_after), Ok(expected));
}

#[test]
fn an_authority_has_bounds_too() {
    let mut params = CertificateParams::default();
    params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    params.not_before = date_time_ymd(2026, 1, 1);
    params.not_after = date_time_ymd(2026, 2, 1);
    let key = KeyPair::generate().unwrap();
    let authority = params.self_signed(&key).unwrap();
    assert_eq!(Validity::of(authority.der()), Validity::of(&certificate()));
}

#[test]
fn version_1_is_told_in_words() {
    const VERSION_3: [u8; 5] = [0xa0, 3, 2, 1, 2];
    let mut der = certificate().to_vec();
    let place = der.windows(5).position(|it| it == VERSION_3).unwrap();
    der[place + 4] = 0;
    assert_eq!(Validity::of(&der.into()), Err(ValidityError::Version1));
    let unreadable = Validity::of(&vec![0x30, 0].into());
    assert!(matches!(unreadable, Err(ValidityError::Unreadable(_))));
}
