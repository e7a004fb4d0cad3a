use super::*;
use crate::model::json::{Json, Limits, parse};
use crate::telemetry::testing::Lines;

#[test]
fn a_line_about_a_tenant_is_json_without_repeated_keys() {
    let lines = Lines::of_thread();
    let report = report_load(Arc::default(), Some("globex".into()));
    report(LoadEvent::Unwatched {
        path: "bundles".into(),
        reason: "none".into(),
    });
    // A key that is there twice is refused.
    let line = parse(lines.text().as_bytes(), Limits::REQUEST).unwrap();
    let span = line.get("span").unwrap();
    let text = |key| span.get(key).and_then(Json::as_str);
    assert_eq!(
        (text("tenant"), text("name")),
        (Some("globex"), Some("tenant"))
    );
}
