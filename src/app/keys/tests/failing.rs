//! A key server that is down, slow, wrong, or somebody else.

use super::issuer::tls_files;
use super::*;
use crate::telemetry::testing::Lines;

#[tokio::test]
async fn a_server_that_is_down_at_the_start_later_and_back_again() {
    let signer = Signer::new("k1");
    let issuer = Issuer::start(Answer::keys(&[&signer])).await;
    let url = issuer.url();
    let address = issuer.stop().await;
    let (scene, mut fetcher) = scene(&url, None);
    fetcher.server.refresh = POLL;
    let lines = Lines::of_thread();
    fetcher.first().await;
    assert!(
        lines.text().contains("jwks: no keys yet"),
        "{}",
        lines.text()
    );
    let sound = token(&signer);
    assert_eq!(scene.says(&sound), MISSING);
    let failure = scene.failure().unwrap();
    assert!(
        failure.starts_with("cannot connect to the key server `127.0.0.1`: "),
        "{failure}"
    );
    tokio::spawn(fetcher.run());
    let issuer = Issuer::start_at(address, Answer::keys(&[&signer])).await;
    scene.until_it_says(&sound, "agents").await;
    issuer.stop().await;
    let before = scene.fetches("failed").parse::<u64>().unwrap();
    // Failing again, and again, changes nothing until the keys are too old.
    let failed = async {
        let mut again = tokio::time::interval(POLL);
        while scene.fetches("failed").parse::<u64>().unwrap() < before + 3 {
            again.tick().await;
        }
    };
    timeout(DEADLINE, failed).await.unwrap();
    for said in [r#""key_ids":"k1""#, "jwks: no new keys, those in use stay"] {
        assert!(lines.text().contains(said), "{}", lines.text());
    }
    assert_eq!(scene.says(&sound), "agents");
    assert!(scene.failure().is_some());
    scene.set_clock(START_SECONDS + STALE_SECONDS_MAX);
    assert_eq!(scene.says(&sound), STALE);
    let _back = Issuer::start_at(address, Answer::keys(&[&signer])).await;
    scene.until_it_says(&sound, "agents").await;
    assert_eq!(scene.failure(), None);
}

#[tokio::test]
async fn what_is_of_no_use_changes_nothing() {
    let signer = Signer::new("k1");
    let issuer = Issuer::start(Answer::keys(&[&signer])).await;
    let (scene, mut fetcher) = scene(&issuer.url(), None);
    fetcher.first().await;
    let sound = token(&signer);
    let private = r#"{"keys":[{"kty":"EC","crv":"P-256","d":"AA","x":"AA","y":"AA"}]}"#;
    for (outcome, answer, expected) in [
        (
            "refused",
            Answer::text("<html>"),
            "the key set is not strict JSON: ",
        ),
        (
            "refused",
            Answer::text(""),
            "the key set is not strict JSON: ",
        ),
        (
            "refused",
            Answer::text("{}"),
            "the key set has no array `keys`",
        ),
        (
            "refused",
            Answer::text(r#"{"keys":[]}"#),
            "the key set has no key for the configured algorithms",
        ),
        (
            "refused",
            Answer::text(r#"{"keys":[{"kty":"oct","k":"AA"}]}"#),
            "the key set has no key for the configured algorithms; key 1 was skipped: it is symmetric",
        ),
        (
            "refused",
            Answer::text(private),
            "key 1 of the key set is a private key",
        ),
        (
            "failed",
            Answer::text(&" ".repeat(JWKS_BYTES_MAX + 1)),
            "the key set is larger than 1048576 bytes",
        ),
        (
            "failed",
            Answer::Endless,
            "the key set is larger than 1048576 bytes",
        ),
        (
            "failed",
            Answer::Status(302),
            "the key server answered 302 Found, a redirect: configure the address that it leads to",
        ),
        (
            "failed",
            Answer::Status(304),
            "the key server answered 304 Not Modified",
        ),
        (
            "failed",
            Answer::Status(204),
            "the key server answered 204 No Content",
        ),
        (
            "failed",
            Answer::Status(404),
            "the key server answered 404 Not Found",
        ),
        (
            "failed",
            Answer::Status(503),
            "the key server answered 503 Service Unavailable",
        ),
        (
            "failed",
            Answer::Nothing,
            "the key server did not answer within 100ms",
        ),
        (
            "failed",
            Answer::Half,
            "the key server did not answer within 100ms",
        ),
    ] {
        let is_slow = matches!(answer, Answer::Nothing | Answer::Half);
        fetcher.pace.fetch_max = match is_slow {
            true => Duration::from_millis(100),
            false => DEADLINE,
        };
        issuer.answers(answer);
        let before = scene.fetches(outcome).parse::<u64>().unwrap();
        fetcher.fetch().await;
        let failure = scene.failure().unwrap();
        assert!(failure.starts_with(expected), "{failure}, not {expected}");
        assert_eq!(
            scene.fetches(outcome),
            (before + 1).to_string(),
            "{expected}"
        );
        assert_eq!(scene.says(&sound), "agents");
    }
    issuer.answers(Answer::keys(&[&signer]));
    fetcher.fetch().await;
    assert_eq!((scene.failure(), fetcher.failures_in_a_row), (None, 0));
    // What was fetched before is what is in use: no new keys.
    assert_eq!(
        (scene.fetches("changed"), scene.fetches("unchanged")),
        ("1".into(), "1".into())
    );
}

#[tokio::test]
async fn the_start_waits_only_so_long() {
    let issuer = Issuer::start(Answer::Nothing).await;
    let (scene, mut fetcher) = scene(&issuer.url(), None);
    fetcher.pace.first_max = Duration::from_millis(20);
    fetcher.first().await;
    assert_eq!(
        scene.failure().unwrap(),
        "the key server did not answer within 20ms"
    );
    assert_eq!(scene.says(&token(&Signer::new("k1"))), MISSING);
}

#[tokio::test]
async fn over_tls_the_certificate_is_checked() {
    let signer = Signer::new("k1");
    let dir = tempfile::tempdir().unwrap();
    let tls = tls_files(dir.path());
    let issuer = Issuer::start_tls(Answer::keys(&[&signer]), &tls).await;
    let port = issuer.port();
    let url = |host: &str| format!("https://{host}:{port}/keys");
    let ca = |name: &str| Some(dir.path().join(name));
    for (url, ca_file, expected) in [
        (url("localhost"), ca("ca.pem"), ""),
        (
            url("localhost"),
            ca("other.pem"),
            "cannot connect to the key server `localhost`: invalid peer certificate: ",
        ),
        (
            url("127.0.0.1"),
            ca("ca.pem"),
            "cannot connect to the key server `127.0.0.1`: invalid peer certificate: ",
        ),
        (url("localhost"), ca("empty.pem"), "`jwt.jwks_ca_file` `"),
        (url("localhost"), ca("none.pem"), "`jwt.jwks_ca_file` `"),
        // What the system trusts does not know these authorities.
        (url("localhost"), None, ""),
        (
            format!("http://localhost:{port}/keys"),
            None,
            "the key server's answer is broken: ",
        ),
    ] {
        let is_system = ca_file.is_none() && url.starts_with("https");
        let (scene, mut fetcher) = scene(&url, ca_file.clone());
        fetcher.first().await;
        let failure = scene.failure();
        if is_system {
            assert!(failure.is_some());
        } else if expected.is_empty() {
            assert_eq!(failure, None);
            assert_eq!(scene.says(&token(&signer)), "agents");
        } else {
            let failure = failure.unwrap();
            assert!(failure.starts_with(expected), "{failure}, not {expected}");
            assert_eq!(scene.says(&token(&signer)), MISSING);
        }
        // What can be known without asking anybody is known before the start.
        if !is_system {
            let checked = check(&fetcher.server).is_err();
            assert_eq!(checked, expected.starts_with("`jwt."), "{expected}");
        }
    }
}

#[test]
fn a_server_that_fails_is_asked_ever_less_often() {
    let (_, mut fetcher) = scene("https://issuer.example", None);
    fetcher.pace = PACE;
    for (failures, longest_seconds) in [(1, 1), (2, 2), (3, 4), (5, 16), (6, 30), (u32::MAX, 30)] {
        fetcher.failures_in_a_row = failures;
        let longest = Duration::from_secs(longest_seconds);
        for _ in 0..50 {
            let waits = fetcher.backoff();
            assert!(
                waits <= longest && waits >= longest / 2,
                "{failures}: {waits:?}"
            );
        }
    }
}
