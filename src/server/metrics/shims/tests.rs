use super::*;
use crate::server::metrics::Metrics;

#[test]
fn spools_are_shown_of_those_that_were_heard_last() {
    let metrics = Metrics::default();
    for shim in 0..=SPOOLS_SHOWN_MAX {
        metrics.spooled(&format!("shim/{shim}"), 1);
        metrics.spooled("shim/often", 7);
    }
    metrics.shim_event(true);
    let text = metrics.text();
    let spools: Vec<_> = text
        .lines()
        .filter(|line| line.starts_with("toolgate_audit_spool_events{"))
        .collect();
    assert_eq!(spools.len(), SPOOLS_SHOWN_MAX);
    assert!(spools.contains(&"toolgate_audit_spool_events{shim=\"shim/often\"} 7"));
    assert!(!spools.iter().any(|line| line.contains("\"shim/0\"")));
    for (what, count) in [("new", 1), ("duplicate", 0)] {
        let line = format!("toolgate_audit_shim_events_total{{what=\"{what}\"}} {count}\n");
        assert!(text.contains(&line), "{text}");
    }
}
