use super::*;
use crate::shim::testing::TablePdp;
use crate::shim::testing::log::{Log, Wrong};
use std::time::Duration;

/// Answers nothing, ever.
struct Stalled;

impl Pdp for Stalled {
    fn decide(&self, _: Question) -> BoxFuture<'_, Result<Answer, PdpError>> {
        Box::pin(std::future::pending())
    }

    fn decide_batch(&self, _: Vec<Question>) -> BoxFuture<'_, Result<Vec<Answer>, PdpError>> {
        Box::pin(std::future::pending())
    }

    fn report<'a>(&'a self, _: Numbering<'a>) -> BoxFuture<'a, Result<Acknowledged, PdpError>> {
        Box::pin(std::future::pending())
    }

    fn address(&self) -> &'static str {
        "stalled"
    }
}

#[tokio::test]
async fn who_fails_or_stalls_is_not_asked_next() {
    let broken = Arc::new(Log::new("a", Wrong::default()));
    let pdps = Failover::new(broken, vec![Arc::new(Stalled), TablePdp::new(&[])]);
    // The first fails at once, the second is not waited for.
    let asked = pdps.decide(Question::default());
    let in_time = tokio::time::timeout(Duration::from_millis(250), asked).await;
    assert!(in_time.is_err());
    assert!(pdps.decide(Question::default()).await.is_ok());
    assert!(pdps.decide_batch(Vec::new()).await.is_ok());
    let reported = pdps.report(Box::new(|_| Ok(Vec::new()))).await.unwrap();
    assert_eq!(reported.replica, 2);
}

#[tokio::test]
async fn where_all_fail_the_last_error_is_told() {
    let log = || Arc::new(Log::new("a", Wrong::default()));
    let pdps = Failover::new(log(), vec![log()]);
    let error = pdps.decide(Question::default()).await.unwrap_err();
    assert_eq!(error, PdpError::Invalid("this log decides nothing"));
}
