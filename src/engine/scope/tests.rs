use crate::engine::{Options, PolicySet};
use crate::model::bundle::{Module, RegoVersion, Sources};

/// Policies `a`, `b`, …, each for these servers; none: for every server.
fn set(scopes: &[&str]) -> PolicySet {
    let names = 'a'..='z';
    let module = |(name, servers): (char, &&str)| {
        let metadata = match *servers {
            "" => String::new(),
            some => format!("# METADATA\n# custom:\n#   toolgate:\n#     servers: [{some}]\n"),
        };
        Module {
            path: format!("{name}.rego"),
            source: format!("{metadata}package policies.{name}\n\nallow contains \"{name}\"\n"),
            rego: RegoVersion::V1,
        }
    };
    let sources = Sources {
        modules: names.zip(scopes).map(module).collect(),
        ..Sources::default()
    };
    PolicySet::compile(&sources, &Options::default(), 1)
        .unwrap_or_else(|refused| panic!("{refused}"))
}

#[test]
fn a_server_has_its_own_packages_and_those_of_all_in_their_order() {
    let set = set(&["crm", "", "docs, crm", "", "docs", "crm"]);
    for (server, expected) in [
        ("crm", "abcdf"),
        ("docs", "bcde"),
        ("other", "bd"),
        ("", "bd"),
    ] {
        let names: String = set.applicable(server).map(|it| it.name.as_str()).collect();
        assert_eq!(names, expected, "{server}");
        let looked_at = set.packages().iter().filter(|it| it.applies_to(server));
        assert!(set.applicable(server).eq(looked_at), "{server}");
    }
}

#[test]
fn where_nothing_is_for_all_another_server_has_none() {
    let set = set(&["crm", "docs"]);
    assert_eq!(set.applicable("other").count(), 0);
    assert_eq!(set.applicable("docs").count(), 1);
}
