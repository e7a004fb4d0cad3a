//! The stream of what is in force.

use super::*;

fn message(digest: Option<&str>, heartbeat: bool) -> v1::WatchRevisionResponse {
    let policy = digest.map(|digest| v1::Policy {
        digest: digest.to_owned(),
        ..v1::Policy::default()
    });
    v1::WatchRevisionResponse {
        policy,
        revocation_epoch: 0,
        heartbeat,
    }
}

#[tokio::test]
async fn each_message_names_the_set_in_force() {
    let dir = tempfile::tempdir().unwrap();
    let socket = dir.path().join("pdp");
    let messages = vec![
        message(None, false),
        message(Some("sha256:1"), false),
        message(Some("sha256:1"), true),
    ];
    let fixed = Fixed {
        in_force: Some(messages),
        ..Fixed::default()
    };
    let serving = serve(&fixed, &socket);
    let revisions = remote(&socket).revisions().await.unwrap().unwrap();
    let names: Vec<_> = revisions.map(Result::unwrap).collect().await;
    assert_eq!(names, ["", "sha256:1", "sha256:1"]);
    serving.abort();
}

#[tokio::test]
async fn a_pdp_without_the_stream_is_told_from_one_that_is_away() {
    let dir = tempfile::tempdir().unwrap();
    let socket = dir.path().join("pdp");
    let pdp = remote(&socket);
    let error = pdp.revisions().await.err().unwrap();
    assert!(matches!(error, PdpError::Unavailable(_)), "{error}");
    let serving = serve(&Fixed::default(), &socket);
    assert!(pdp.revisions().await.unwrap().is_none());
    serving.abort();
}
