use super::GOOD;
use crate::util::Workplace;

const INPUT: &str = "{version: 1, phase: call, time: {rfc3339: \"2026-11-20T10:00:00Z\"}, principal: {id: a, roles: [internal]}, mcp: {server: demo, method: tools/call, name: read}, arguments: {region: eu}}";

#[test]
fn policies_are_measured_package_by_package() {
    let other = "# METADATA\n# custom: {toolgate: {servers: [other]}}\npackage policies.other\n\nallow contains \"x\"\n";
    let place = Workplace::with(&[
        ("b/good.rego", GOOD),
        ("b/other.rego", other),
        ("in.yaml", INPUT),
    ]);
    let bench = [
        "bench",
        "--bundle",
        "b",
        "--input",
        "in.yaml",
        "--seconds",
        "1",
    ];
    let json = place
        .run(&[&bench[..], &["--output", "json"]].concat())
        .expect(0)
        .json();
    assert_eq!(json["effect"], "constrain");
    assert!(json["decisions"].as_u64().unwrap() > 0);
    let number = |name: &str| json[name].as_u64().unwrap();
    assert!(number("p50_ns") > 0 && number("p50_ns") <= number("p99_ns"));
    let packages = json["packages"].as_array().unwrap();
    assert_eq!(
        packages.len(),
        1,
        "a package for another server has no part: {json}"
    );
    assert_eq!(packages[0]["package"], "good");
    assert_eq!(packages[0]["percent_of_packages"], 100);
    let instructions = packages[0]["instructions"].as_u64().unwrap();
    assert!((10..2_000).contains(&instructions), "{instructions}");
    let rules = json["rules"].as_array().unwrap();
    let lines: Vec<_> = rules.iter().map(|rule| rule["line"].as_u64()).collect();
    assert_eq!(rules.len(), 3, "{json}");
    assert!([8, 13, 18].iter().all(|line| lines.contains(&Some(*line))));
    let costs: Vec<_> = rules
        .iter()
        .map(|rule| rule["instructions"].as_u64().unwrap())
        .collect();
    assert!(costs.is_sorted_by(|a, b| a >= b), "{costs:?}");
    assert!(costs.iter().all(|cost| (1..=instructions).contains(cost)));
    let interpreted = place
        .run(&[&bench[..], &["--engine", "interpreter"]].concat())
        .expect(0);
    let lines: Vec<Vec<&str>> = interpreted
        .out
        .lines()
        .map(|line| line.split('\t').collect())
        .collect();
    assert_eq!(
        (lines[0][0], lines[1][0], lines[1][1], lines[1][5]),
        ("decision (constrain)", "good", "interpreter", "-")
    );
    place
        .run(&["bench", "--bundle", "b", "--input", "none.json"])
        .expect(2);
}
