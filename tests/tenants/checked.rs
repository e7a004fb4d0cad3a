//! What is said of a configuration with tenants before it serves.

use super::scene::*;
use serde_json::{Value, json};
use std::path::Path;
use std::process::{Command, Output};

fn toolgate(dir: &Path, arguments: &[&str]) -> Output {
    std::fs::write(dir.join("toolgate.toml"), config("", AUDIT)).unwrap();
    Command::new(env!("CARGO_BIN_EXE_toolgate"))
        .args(arguments)
        .current_dir(dir)
        .output()
        .unwrap()
}

fn break_globex(dir: &Path) {
    let data = json!({"granted": [], "directory": {}});
    write_bundle(
        dir,
        "globex",
        "package policies.crm\nallow contains\n",
        &data,
    );
}

#[test]
fn the_bundles_of_each_tenant_are_checked_as_a_set() {
    let dir = files();
    let serve = ["serve", "--config", "toolgate.toml", "--check-config"];
    let checked = toolgate(dir.path(), &serve);
    let said = String::from_utf8_lossy(&checked.stderr).into_owned();
    assert!(checked.status.success(), "{said}");
    break_globex(dir.path());
    let checked = toolgate(dir.path(), &serve);
    let said = String::from_utf8_lossy(&checked.stderr).into_owned();
    assert!(!checked.status.success());
    assert!(said.contains("tenant `globex`: "), "{said}");
    assert!(!said.contains("tenant `acme`"), "{said}");
    assert!(
        !dir.path().join("audit").exists(),
        "checking writes nothing"
    );
}

#[test]
fn check_tells_of_each_tenant() {
    let dir = files();
    break_globex(dir.path());
    let check = ["check", "--config", "toolgate.toml", "--output", "json"];
    let checked = toolgate(dir.path(), &check);
    assert_eq!(checked.status.code(), Some(2));
    let documents = serde_json::Deserializer::from_slice(&checked.stdout).into_iter();
    let documents: Vec<Value> = documents.map(Result::unwrap).collect();
    let told: Vec<_> = documents
        .iter()
        .map(|it| {
            (
                it["tenant"].as_str().unwrap(),
                it["refused"].as_bool().unwrap(),
            )
        })
        .collect();
    assert_eq!(told, [("acme", false), ("globex", true)]);
}
