use super::*;
use std::time::Duration;

#[test]
fn a_change_ends_the_wait_whether_it_is_reported_or_looked_for() {
    for (notify, poll_interval) in [
        (true, Duration::from_secs(600)),
        (false, Duration::from_millis(5)),
    ] {
        let place = tempfile::tempdir().unwrap();
        let file = place.path().join("p_test.rego");
        std::fs::write(&file, "package policies.p_test\n").unwrap();
        let source = Source {
            name: "p".to_owned(),
            path: place.path().to_owned(),
            servers: None,
        };
        let timing = Timing {
            quiet: Duration::from_millis(1),
            settle_max: Duration::from_millis(5),
            poll_interval,
            notify,
        };
        let mut follow = Follow::new(vec![source], timing);
        for text in [
            "package policies.p_test\n\ntest_a if true\n",
            "package other\n",
        ] {
            std::fs::write(&file, text).unwrap();
            follow.wait();
        }
    }
}
