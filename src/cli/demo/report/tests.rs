use super::*;

fn row(what: &str, result: &str) -> Vec<String> {
    ["who", what, "deny", "code", "1.0", result]
        .map(str::to_owned)
        .to_vec()
}

/// Columns of the terminal, and the longest result in them.
const FITTED: [(usize, usize); 3] = [(200, 60), (80, 38), (20, LAST_COLUMN_CHARS_MIN)];

#[test]
fn results_are_cut_at_the_edge_and_nothing_else_is() {
    let long = "ü".repeat(60);
    for (columns, expected) in FITTED {
        let mut rows = vec![row("a", "short"), row("a longer one", &long)];
        fit(&mut rows, columns);
        assert_eq!(rows[0], row("a", "short"));
        assert_eq!(rows[1][1], "a longer one");
        assert_eq!(rows[1][5].chars().count(), expected, "{columns} columns");
        assert_eq!(rows[1][5].ends_with('…'), expected < long.chars().count());
    }
}

#[test]
fn problems_name_section_and_step() {
    let output = Output::new(Some(crate::cli::Format::Json));
    let mut report = Report::new(&output);
    let mut step = Step {
        who: "agent".to_owned(),
        what: "read".to_owned(),
        ..Step::default()
    };
    step.check(true, || "never".to_owned());
    step.check(false, || "it was denied".to_owned());
    report.section("Calls", vec![Step::default(), step]);
    assert_eq!(report.problems(), ["Calls: agent, read: it was denied"]);
}
