use super::*;
use crate::bundle::testing::{MODULE, SMALL, archive, file};
use std::fs;
use std::os::unix::net::UnixListener;

#[test]
fn a_source_may_be_a_directory_a_module_or_an_archive() {
    let directory = tempfile::tempdir().unwrap();
    let at = |name: &str| directory.path().join(name);
    fs::create_dir(at("bundle")).unwrap();
    fs::write(at("bundle/a.rego"), MODULE).unwrap();
    fs::write(at("a.rego"), MODULE).unwrap();
    fs::write(at("bundle.tar.gz"), archive(vec![file("a.rego", MODULE)])).unwrap();
    for name in ["bundle", "a.rego", "bundle.tar.gz"] {
        let source = Source {
            name: "x".into(),
            path: at(name),
            servers: None,
        };
        let files = Files::from([("a.rego".to_owned(), MODULE.to_vec())]);
        assert_eq!(read(&source).unwrap().files, files, "{name}");
    }
}

#[test]
fn what_is_no_bundle_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let at = |name: &str| directory.path().join(name);
    fs::write(at("bundle.zip"), "PK").unwrap();
    fs::write(at("large.rego"), [b'#'; 1025]).unwrap();
    fs::write(at("large.tar.gz"), vec![0x1f; 65 << 10]).unwrap();
    let listener = UnixListener::bind(at("socket")).unwrap();
    let no_bundle = "is no bundle: give a directory, a `.rego` file or a gzip-compressed tar archive (`tar czf` writes one)";
    for (name, expected) in [
        ("bundle.zip", format!("`AT` {no_bundle}")),
        ("socket", format!("`AT` {no_bundle}")),
        (
            "gone",
            "`AT` does not exist: check the bundle's path".to_owned(),
        ),
        (
            "large.rego",
            "`large.rego` is larger than 1024 bytes: split it or leave it out".to_owned(),
        ),
        (
            "large.tar.gz",
            "the bundle is larger than 65536 bytes: split it into several bundles".to_owned(),
        ),
    ] {
        let path = at(name);
        let found = read_files(&path, &SMALL).unwrap_err().to_string();
        assert_eq!(found, expected.replace("AT", path.to_str().unwrap()));
    }
    drop(listener);
}
