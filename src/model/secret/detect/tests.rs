use super::*;

fn long(text: &str, bytes: usize) -> String {
    text.repeat(bytes / text.len() + 1)
}

/// Each made up; put together here, so that no scanner of this repository finds them whole.
fn planted() -> Vec<(&'static str, String)> {
    let joined = |parts: &[&str]| parts.concat();
    vec![
        (
            "github-pat",
            joined(&["ghp", "_", "wWPw5k4aXcaT4fNP0UcnZwJUVFk6LO0pINUx"]),
        ),
        ("aws-access-token", joined(&["AKIA", "Z7QVKX3YTNUMC2LB"])),
        (
            "slack-bot-token",
            joined(&[
                "xoxb",
                "-263594206564-",
                "2343594206574-FGqddMF8t08v8N7Oq4i57vs1",
            ]),
        ),
        (
            "stripe-access-token",
            joined(&["sk_live", "_51OzQ8RkT3vYx9NdPm7Wb2Hf"]),
        ),
        (
            "jwt",
            joined(&[
                "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9",
                ".eyJzdWIiOiI0MjQyIiwibmFtZSI6IkFubiJ9",
                ".q9Xw3fTz7LkVbN2mRcYp8sHd5gJt1uAeWo6iZxKv0Qy",
            ]),
        ),
        (
            "gcp-api-key",
            joined(&["AIza", "SyD3kq9Lr7Vt2xNz8Bp5Wm1Yc6Hf4Js0Uga"]),
        ),
        (
            "generic-api-key",
            joined(&["api_key = ", "\"9fK2xLq7Vb4Tz8Nm3Wp6Yc1R\""]),
        ),
        (
            "private-key",
            joined(&[
                "-----BEGIN RSA ",
                "PRIVATE KEY-----\nMIIEpAIBAAKCAQEA3Tz2mr7SZiAMfQyuvBjM9Oi\n",
                "x7pT2vQeWz9KJ4mLr8Nd1YbHc6Gf3Us0Xw5Ra\n-----END RSA PRIVATE KEY-----",
            ]),
        ),
    ]
}

#[test]
fn secrets_are_found_wherever_they_stand() {
    for (rule, secret) in planted() {
        let around = [
            secret.clone(),
            format!("please use {secret} for it"),
            format!(
                "{} {secret} {}",
                long("lorem ipsum dolor ", 40_000),
                long("sit amet ", 40_000)
            ),
        ];
        for text in around {
            assert_eq!(find(&text), Some(rule), "{rule} in {} bytes", text.len());
            assert!(may_hold(text.as_bytes()));
        }
        let far = format!("{} {secret}", long("the key of the survey. ", 300_000));
        let found = find(&far);
        assert!(found.is_some_and(|it| it != UNCHECKED), "{rule}: {found:?}");
    }
}

#[test]
fn what_only_looks_like_a_secret_is_none() {
    let cases = [
        "",
        "short",
        "please read the renewal clause of contract c-1",
        "the key of the survey is under the monkey's access token",
        "0199a7b4-7d4e-7c3a-9b1e-1f2d3c4b5a69",
        "hmac-sha256:2026-11.0011223344556677:0000000000000000000000000000000000000000000000000000000000000005",
        // Too little entropy.
        "ghp_aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
        "api_key = \"aaaaaaaaaaaaaaaaaaaaaaaa\"",
        // On the rule's own allowlist, and on the one of all.
        "AKIAIOSFODNN7EXAMPLE",
        "api_key = \"abcdefghijklmnopqrstuvwxyz\"",
        // A stopword of the rule.
        "api_key = \"9fK2x-localhost-4Tz8Nm3W\"",
    ];
    for text in cases {
        assert_eq!(find(text), None, "{text}");
    }
}

/// A text made of nothing but keywords is not looked at by every rule in full.
#[test]
fn work_is_bounded_and_errs_on_the_safe_side() {
    let detectors = DETECTORS.as_ref().unwrap();
    let keywords: Vec<_> = detectors
        .rules
        .all()
        .iter()
        .flat_map(|it| &it.keywords)
        .collect();
    let all: String = keywords
        .iter()
        .map(|keyword| format!("{keyword} "))
        .collect();
    assert_eq!(find(&long(&all, 1 << 20)), Some(UNCHECKED));
    let mut budget = Budget(10);
    assert_eq!(find_within(b"the key of all", &mut budget), Some(UNCHECKED));
}
