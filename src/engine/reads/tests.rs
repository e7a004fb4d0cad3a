use crate::engine::{Options, PolicySet};
use crate::model::bundle::{Module, Sources};

/// Whether the package `policies.a` may answer otherwise a moment later.
fn is_volatile(files: &[&str]) -> bool {
    let module = |(number, source): (usize, &&str)| Module {
        path: format!("m{number}.rego"),
        source: (*source).to_owned(),
        ..Module::default()
    };
    let sources = Sources {
        modules: files.iter().enumerate().map(module).collect(),
        ..Sources::default()
    };
    let set = PolicySet::compile(&sources, &Options::default(), 1);
    let set = set.unwrap_or_else(|refused| panic!("{refused}"));
    let mut packages = set.packages().iter();
    packages
        .find(|package| package.name == "a")
        .unwrap()
        .volatile
}

#[test]
fn what_a_rule_reads_of_the_input_says_whether_its_answer_lasts() {
    for (body, expected) in [
        ("true", false),
        ("input.mcp.name == \"read\"", false),
        ("input.principal.roles[_] == \"analyst\"", false),
        ("input[\"arguments\"].x == 1", false),
        ("input.context.purpose == \"billing\"", false),
        ("input.session.id == \"s\"", false),
        ("input.version == 1", false),
        ("input.time.ns > 5", true),
        ("input[\"time\"].ns > 5", true),
        ("input.facts.rows == 1", true),
        ("input.session.labels[_] == \"secret\"", true),
        ("input.session.later == 1", true),
        ("input.later == 1", true),
        ("some name\n\tinput[name] == 1", true),
        ("is_object(input)", true),
        ("is_object(input.session)", true),
        ("some name\n\tinput.session[name] == 1", true),
        ("x := input\n\tx.mcp.name == \"read\"", true),
        ("count([t | t := input.time.ns]) == 1", true),
        ("not input.facts.x", true),
        ("object.get(input, [\"arguments\", \"x\"], 0) == 1", false),
        (
            "object.get(input, array.concat([\"arguments\"], [\"x\"]), 0) == 1",
            false,
        ),
        ("object.get(input, [\"time\", \"ns\"], 0) == 1", true),
        (
            "object.get(input, array.concat([\"facts\"], [\"x\"]), 0) == 1",
            true,
        ),
        ("object.get(input, [], 0) == 1", true),
        (
            "object.get(input, array.concat([], [\"time\"]), 0) == 1",
            true,
        ),
        ("object.get(input, \"time\", 0) == 1", true),
        (
            "some name\n\tobject.get(input, [input.context[name]], 0) == 1",
            true,
        ),
        ("object.get({}, [\"arguments\"], input) == 1", true),
        (
            "object.get(input.arguments, [\"x\"], input.time.ns) == 1",
            true,
        ),
    ] {
        let policy = format!("package policies.a\nallow contains \"a\" if {{\n\t{body}\n}}\n");
        assert_eq!(is_volatile(&[&policy]), expected, "{body}");
    }
}

#[test]
fn imports_heads_and_every_set_count() {
    for (policy, expected) in [
        (
            "import input.arguments as args\nallow contains \"a\" if args.x == 1\n",
            false,
        ),
        (
            "import input.time\nallow contains \"a\" if time.ns > 5\n",
            true,
        ),
        (
            "import input.session as s\nallow contains \"a\" if s.id == \"1\"\n",
            false,
        ),
        (
            "import input.session as s\nallow contains \"a\" if s.labels[_] == \"1\"\n",
            true,
        ),
        (
            "allow contains \"a\"\ndeny contains \"b\" if not input.facts.x\n",
            true,
        ),
        (
            "allow contains \"a\"\nvisible contains \"b\" if input.time.ns > 5\n",
            true,
        ),
    ] {
        let policy = format!("package policies.a\n{policy}");
        assert_eq!(is_volatile(&[&policy]), expected, "{policy}");
    }
}

#[test]
fn what_is_read_elsewhere_counts_if_the_package_needs_it() {
    let shared = "package shared\nlate if input.time.ns > 5\nnamed if input.mcp.name == \"x\"\n";
    let deep = "package deep\nlate if data.shared.late\n";
    let other = "package policies.b\nallow contains \"b\" if input.time.ns > 5\n";
    for (body, expected) in [
        ("data.shared.named", false),
        ("data.shared.late", true),
        ("data.deep.late", true),
    ] {
        let policy = format!("package policies.a\nallow contains \"a\" if {body}\n");
        assert_eq!(
            is_volatile(&[&policy, shared, deep, other]),
            expected,
            "{body}"
        );
    }
}
