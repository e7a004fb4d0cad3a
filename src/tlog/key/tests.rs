use super::{KeyKind, VerifierKey};

/// The example of c2sp.org/signed-note.
const EXAMPLE: &str = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k";

#[test]
fn the_specifications_example_is_read_and_written() {
    let key: VerifierKey = EXAMPLE.parse().unwrap();
    assert_eq!(
        (key.name(), key.kind(), key.id()),
        ("example.com/foo", KeyKind::Log, 0x530d_903a)
    );
    assert_eq!(key.to_string(), EXAMPLE);
    let witness = VerifierKey::new("example.com/foo", KeyKind::Witness, *key.public()).unwrap();
    assert_ne!(witness.id(), key.id());
    assert_eq!(witness.to_string().parse(), Ok(witness));
}

#[test]
fn what_is_no_key_says_why() {
    let cases = [
        ("", "expected"),
        ("name", "expected"),
        ("name+00000000+!", "not base64"),
        ("name+00000000+AQ==", "32 bytes"),
        (
            "name+00000000+BukyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k",
            "neither",
        ),
        (
            "example.com/foo+530d903b+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k",
            "key id",
        ),
        (
            "example.com/bar+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k",
            "key id",
        ),
        (
            "example.com/foo+530D903A+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k",
            "key id",
        ),
        (
            "a b+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k",
            "name",
        ),
        (
            "+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k",
            "name",
        ),
    ];
    for (text, why) in cases {
        let error = text.parse::<VerifierKey>().unwrap_err().to_string();
        assert!(error.contains(why), "{text}: {error}");
    }
}
