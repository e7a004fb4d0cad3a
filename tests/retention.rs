//! What becomes of old records: exports that other programs read, archives in real stores.

mod export;
mod log;
mod s3;

use crate::util::{Ended, Workplace, ended};
use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

/// Runs `toolgate` with these variables.
fn run_with(place: &Workplace, variables: &[(&str, &str)], arguments: &[&str]) -> Ended {
    let mut command = Command::new("/usr/bin/env");
    command.args(
        variables
            .iter()
            .map(|(name, value)| format!("{name}={value}")),
    );
    command.arg(env!("CARGO_BIN_EXE_toolgate")).args(arguments);
    ended(&mut command, &place.path(""), "")
}

/// The log's files by their names.
fn segments(dir: &Path) -> BTreeMap<String, Vec<u8>> {
    let entries = std::fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    entries
        .filter(|path| {
            path.extension()
                .is_some_and(|extension| extension == "jsonl")
        })
        .map(|path| {
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            (name, std::fs::read(path).unwrap())
        })
        .collect()
}

#[test]
fn a_log_is_archived_checked_and_restored_by_the_command() {
    let place = Workplace::new();
    log::write(&place.path("log"), &[400, 100, 1, 0], 20);
    let before = segments(&place.path("log"));
    std::fs::create_dir(place.path("store")).unwrap();
    let url = format!("file://{}", place.path("store").display());
    let archive = |more: &[&str], code| {
        let arguments = [
            &["audit", "archive", "log", "--to", &url, "--output", "json"],
            more,
        ];
        place.run(&arguments.concat()).expect(code).json()
    };
    let told = archive(&["--dry-run"], 0);
    assert_eq!(std::fs::read_dir(place.path("store")).unwrap().count(), 0);
    let done = archive(&[], 0);
    assert_eq!(done["done"], told["done"]);
    let acts = |act: &str| {
        let done = done["done"].as_array().unwrap().iter();
        done.filter(|done| done["act"] == act).count()
    };
    assert_eq!((acts("upload"), acts("prune")), (3, 2));
    assert_eq!(archive(&[], 0)["done"], serde_json::json!([]));
    for tier in ["hot", "warm", "cold"] {
        let objects = std::fs::read_dir(place.path("store").join(tier).join("pdp=2f1"));
        assert_eq!(objects.unwrap().count(), 1, "{tier}");
    }
    // Nobody signed this log: what is left shows nothing by itself, and the whole checks.
    let rest = place.run(&["audit", "verify", "log"]).expect(1);
    assert!(rest.out.contains("no checkpoint vouches"), "{rest:?}");
    let whole = [
        "audit",
        "verify",
        "log",
        "--archive",
        &url,
        "--output",
        "json",
    ];
    let whole = place.run(&whole).expect(0).json();
    assert_eq!(
        (&whole["first_seq"], &whole["records"]),
        (&0.into(), &160.into())
    );
    assert!(
        whole["head"].as_str().unwrap().starts_with("159:"),
        "{whole}"
    );
    // A head of what was pruned is checked with the archive alone.
    let lines = String::from_utf8(before.values().next().unwrap().clone()).unwrap();
    let second = lines.lines().nth(1).unwrap();
    let second: serde_json::Value = serde_json::from_str(second).unwrap();
    let head = format!("0:{}", second["prev"].as_str().unwrap());
    place
        .run(&["audit", "verify", "log", "--head", &head])
        .expect(1);
    place
        .run(&["audit", "verify", "log", "--head", &head, "--archive", &url])
        .expect(0);
    place
        .run(&["audit", "restore", "log", "--from", &url])
        .expect(0);
    assert_eq!(segments(&place.path("log")), before);
    place
        .run(&["audit", "verify", "log", "--head", &head])
        .expect(0);
    // Into an empty place: what was sealed.
    place
        .run(&["audit", "restore", "other", "--from", &url])
        .expect(2);
    place
        .run(&[
            "audit", "restore", "other", "--from", &url, "--origin", "pdp/1",
        ])
        .expect(0);
    assert_eq!(segments(&place.path("other")).len(), 3);
    place
        .run(&["audit", "verify", "other", "--head", &head])
        .expect(0);
}

#[test]
fn the_configuration_says_how_all_logs_are_archived() {
    let place = Workplace::new();
    log::write(&place.path("audit"), &[400, 0], 5);
    log::write_as(
        "pdp/1/acme",
        &place.path("audit/tenants/acme"),
        &[100, 1, 0],
        5,
    );
    let config = format!(
        "[listen]\nunix = \"s.sock\"\n[[bundles]]\nname = \"b\"\npath = \"b.rego\"\n\
         tenants = [\"acme\", \"never\"]\n[[tenants]]\nname = \"acme\"\n[[tenants]]\nname = \"never\"\n\
         [audit]\ndir = \"audit\"\n[audit.archive]\nurl = \"file://{}\"\nhot_days = 200\n\
         [[callers]]\nname = \"me\"\nuid = 1\nservers = [\"*\"]\ntenant = \"acme\"\n\
         [[callers]]\nname = \"you\"\nuid = 2\nservers = [\"*\"]\ntenant = \"never\"\n",
        place.path("store").display()
    );
    place.write("pdp.toml", &config);
    place.write("store/.keep", "");
    let done = [
        "audit", "archive", "--config", "pdp.toml", "--output", "json",
    ];
    let done = place.run(&done).expect(0).json();
    let acts = done["done"].as_array().unwrap().iter();
    let mut acts: Vec<_> = acts.map(|done| done["act"].as_str().unwrap()).collect();
    acts.sort_unstable();
    assert_eq!(acts, ["prune", "upload", "upload", "upload"]);
    let without = config.replace("url = ", "# url = ");
    place.write("pdp.toml", &without);
    place
        .run(&["audit", "archive", "--config", "pdp.toml"])
        .expect(2);
    let order = config.replace("hot_days = 200", "hot_days = 400");
    place.write("pdp.toml", &order);
    let told = place
        .run(&["audit", "archive", "--config", "pdp.toml"])
        .expect(2);
    assert!(told.err.contains("`hot_days` (400)"), "{told:?}");
}

#[test]
fn wrong_usage_and_stores_that_are_none_are_told() {
    let place = Workplace::new();
    place.run(&["audit", "archive", "log"]).expect(64);
    place
        .run(&["audit", "archive", "--to", "file:///x"])
        .expect(64);
    place
        .run(&["audit", "archive", "log", "--to", "nothing"])
        .expect(2);
    place
        .run(&["audit", "archive", "log", "--to", "file:///x"])
        .expect(2);
    let lock = [
        "audit",
        "archive",
        "log",
        "--to",
        "file:///x",
        "--object-lock",
        "compliance",
    ];
    place.run(&lock).expect(2);
}
