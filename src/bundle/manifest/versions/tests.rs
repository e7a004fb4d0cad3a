use super::*;
use crate::bundle::manifest;

fn versions(manifest: &str) -> Result<Versions, ManifestError> {
    manifest::parse(manifest.as_bytes()).map(|manifest| manifest.versions)
}

#[test]
fn a_file_has_the_version_of_its_pattern_or_of_its_bundle() {
    for (manifest, path, expected) in [
        ("{}", "a.rego", RegoVersion::V1),
        (r#"{"rego_version": 0}"#, "a.rego", RegoVersion::V0),
        (r#"{"rego_version": 1}"#, "a.rego", RegoVersion::V1),
        (
            r#"{"file_rego_versions": {"/a.rego": 0}}"#,
            "a.rego",
            RegoVersion::V0,
        ),
        (
            r#"{"file_rego_versions": {"/a.rego": 0}}"#,
            "b/a.rego",
            RegoVersion::V1,
        ),
        (
            r#"{"file_rego_versions": {"/a.rego": 0}}"#,
            "a.regox",
            RegoVersion::V1,
        ),
        (
            r#"{"file_rego_versions": {"*.rego": 0}}"#,
            "b/a.rego",
            RegoVersion::V0,
        ),
        (
            r#"{"file_rego_versions": {"/a*.rego": 0}}"#,
            "a/b.rego",
            RegoVersion::V0,
        ),
        (
            r#"{"file_rego_versions": {"/a?b.rego": 0}}"#,
            "a/b.rego",
            RegoVersion::V0,
        ),
        (
            r#"{"file_rego_versions": {"/a/**": 0}}"#,
            "a/b.rego",
            RegoVersion::V0,
        ),
        (
            r#"{"file_rego_versions": {"/A.rego": 0}}"#,
            "a.rego",
            RegoVersion::V1,
        ),
        (
            r#"{"rego_version": 0, "file_rego_versions": {"/new/*": 1}}"#,
            "new/a.rego",
            RegoVersion::V1,
        ),
        (
            r#"{"file_rego_versions": {"/a*": 0, "*.rego": 0}}"#,
            "a.rego",
            RegoVersion::V0,
        ),
    ] {
        let found = versions(manifest).unwrap().of(path);
        assert_eq!(found, Ok(expected), "{manifest} {path}");
    }
}

#[test]
fn two_patterns_of_one_file_must_agree() {
    let manifest = r#"{"file_rego_versions": {"/a*": 0, "*.rego": 1}}"#;
    let versions = versions(manifest).unwrap();
    let disagree = Disagree("/a*".to_owned(), "*.rego".to_owned());
    assert_eq!(versions.of("a.rego"), Err(disagree));
    assert_eq!(versions.of("b.rego"), Ok(RegoVersion::V1));
}

#[test]
fn what_is_no_version_or_pattern_is_refused() {
    for (manifest, expected) in [
        (r#"{"rego_version": 2}"#, "`rego_version` must be 0 or 1"),
        (r#"{"rego_version": "0"}"#, "`rego_version` must be 0 or 1"),
        (r#"{"rego_version": 0.5}"#, "`rego_version` must be 0 or 1"),
        (
            r#"{"file_rego_versions": {"/a.rego": 3}}"#,
            "`file_rego_versions` must be 0 or 1",
        ),
        (
            r#"{"file_rego_versions": []}"#,
            "`file_rego_versions` must be an object, is array",
        ),
        (
            r#"{"file_rego_versions": {"a.rego": 0}}"#,
            "`file_rego_versions`: `a.rego` is no path: it starts with `/` or `*`, and has no \
             other wildcards than `*` and `?`",
        ),
        (
            r#"{"file_rego_versions": {"/[ab].rego": 0}}"#,
            "`file_rego_versions`: `/[ab].rego` is no path: it starts with `/` or `*`, and has no \
             other wildcards than `*` and `?`",
        ),
    ] {
        assert_eq!(
            versions(manifest).unwrap_err().to_string(),
            expected,
            "{manifest}"
        );
    }
}
