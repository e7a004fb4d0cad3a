use super::*;
use crate::audit::content::{ContentStore, Limits, WrappingKey};
use crate::audit::log::{LogStats, SignedStats};
use crate::files::OsFiles;
use std::collections::{BTreeMap, BTreeSet};

/// Each metric, and its values by its label.
fn shown(metrics: &Metrics) -> BTreeMap<String, String> {
    let text = metrics.text();
    let samples = text.lines().filter(|line| !line.starts_with('#'));
    samples
        .filter_map(|line| line.rsplit_once(' '))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}

#[test]
fn what_never_happened_is_zero() {
    let metrics = Metrics::default();
    metrics.show_policies();
    let shown = shown(&metrics);
    for name in [
        "toolgate_decisions_total{effect=\"require_approval\"}",
        "toolgate_policy_refusals_total{stage=\"read\"}",
        "toolgate_policy_refusals_total{stage=\"verify\"}",
        "toolgate_policy_refusals_total{stage=\"compile\"}",
        "toolgate_policy_stale",
        "toolgate_audit_doubts_total{what=\"decision_unknown\"}",
        "toolgate_audit_doubts_total{what=\"seq_reused\"}",
        "toolgate_audit_doubts_total{what=\"gap\"}",
        "toolgate_file_reloads_total{what=\"jwks\"}",
        "toolgate_file_refusals_total{what=\"tls\"}",
        "toolgate_file_refusals_total{what=\"jwks\"}",
        "toolgate_connections_refused_total{reason=\"handshake_timeout\"}",
        "toolgate_rpcs_refused_total{reason=\"LIMIT_REACHED\"}",
        "toolgate_rpcs_refused_total{reason=\"CALLER_SHARE_REACHED\"}",
        "toolgate_rpcs_refused_total{reason=\"TENANT_SHARE_REACHED\"}",
        "toolgate_rpcs_refused_total{reason=\"UNKNOWN_CALLERS\"}",
    ] {
        assert_eq!(shown.get(name).map(String::as_str), Some("0"), "{name}");
    }
    // Without TLS no certificate expires: a 0 there would look like one that has.
    assert!(!shown.keys().any(|name| name.contains("certificate")));
}

#[test]
fn a_tenant_s_counters_are_beside_those_of_the_process() {
    let metrics = Metrics::default();
    let acme = metrics.of_tenant("acme".into());
    acme.show_policies();
    acme.decided(Effect::Deny, Duration::ZERO);
    acme.policy_loaded(7);
    acme.policy_is_stale(true);
    acme.doubted(Doubt::Gap);
    let shown = shown(&metrics);
    for (name, value) in [
        (
            "toolgate_decisions_total{effect=\"deny\",tenant=\"acme\"}",
            Some("1"),
        ),
        (
            "toolgate_decisions_total{effect=\"allow\",tenant=\"acme\"}",
            Some("0"),
        ),
        ("toolgate_decisions_total{effect=\"deny\"}", Some("0")),
        ("toolgate_policy_version{tenant=\"acme\"}", Some("7")),
        ("toolgate_policy_stale{tenant=\"acme\"}", Some("1")),
        (
            "toolgate_policy_refusals_total{stage=\"read\",tenant=\"acme\"}",
            Some("0"),
        ),
        (
            "toolgate_audit_doubts_total{what=\"gap\",tenant=\"acme\"}",
            Some("1"),
        ),
        ("toolgate_audit_failures_total{tenant=\"acme\"}", Some("0")),
        // A process whose policies are its tenants' has none of its own to be stale.
        ("toolgate_policy_version", None),
        ("toolgate_policy_stale", None),
    ] {
        assert_eq!(shown.get(name).map(String::as_str), value, "{name}");
    }
}

#[test]
fn certificates_that_are_replaced_take_their_expiry_with_them() {
    let metrics = Metrics::default();
    metrics.certificates_expire(5, Some(7));
    metrics.certificates_expire(9, None);
    let mut shown = shown(&metrics);
    shown.retain(|name, _| name.contains("certificate"));
    let expected = ("toolgate_certificate_expiry_seconds{what=\"cert\"}", "9");
    let expected = (expected.0.to_owned(), expected.1.to_owned());
    assert_eq!(shown.into_iter().collect::<Vec<_>>(), [expected]);
}

/// The table has every metric as its samples are named, its type and its labels' values.
#[test]
fn the_documentation_lists_every_metric() {
    let metrics = Metrics::default();
    metrics.show_policies();
    metrics.certificates_expire(1, Some(1));
    metrics.decided(Effect::Allow, Duration::ZERO);
    let dir = tempfile::tempdir().unwrap();
    let limits = Limits {
        object_bytes_max: 1,
        store_bytes_max: 1,
    };
    let key = WrappingKey::new([7; 32]);
    let store = ContentStore::open(dir.path(), key, limits, Arc::new(OsFiles));
    metrics.show_content(Arc::new(store.unwrap()));
    metrics.spooled("<caller>/<shim's id>", 1);
    let signed = SignedStats {
        size: 1,
        age: Duration::ZERO,
    };
    metrics.log_is(&LogStats {
        signed: Some(signed),
        ..LogStats::default()
    });
    metrics.log_has_room(1);
    metrics.show_witness(&"<its name>".into());
    metrics.cosigned(&"<its name>".into(), 1);
    metrics.otlp(1, 1);
    let text = metrics.text();
    let types = text.lines().filter_map(|line| line.strip_prefix("# TYPE "));
    let expected: Vec<_> = types
        .map(|line| {
            let (name, kind) = line.split_once(' ').unwrap();
            let suffix = if kind == "counter" { "_total" } else { "" };
            let sample = format!("{name}{suffix}");
            format!("| `{sample}` | {kind} | {} |", labels(&text, &sample))
        })
        .collect();
    let docs = std::fs::read_to_string("docs/operations.md").unwrap();
    for row in &expected {
        assert!(docs.contains(row.as_str()), "not in the table: {row}");
    }
    let rows = docs.lines().filter(|line| line.starts_with("| `toolgate_"));
    assert_eq!(rows.count(), expected.len());
}

/// `label`: `value`, `value`; of all samples of this name.
fn labels(text: &str, name: &str) -> String {
    let samples = text.lines().filter_map(|line| line.split_once('{'));
    let samples = samples.filter(|(sample, _)| *sample == name);
    let lists = samples.filter_map(|(_, rest)| Some(rest.split_once('}')?.0));
    let pairs = lists.flat_map(|list| list.split(',').filter_map(|pair| pair.split_once('=')));
    let mut values: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    for (label, value) in pairs {
        let value = format!("`{}`", value.trim_matches('"'));
        values.entry(label).or_default().insert(value);
    }
    let labels = values
        .iter()
        .map(|(label, values)| (label, Vec::from_iter(values.clone()).join(", ")))
        .map(|(label, values)| format!("`{label}`: {values}"));
    labels.collect::<Vec<_>>().join("; ")
}
