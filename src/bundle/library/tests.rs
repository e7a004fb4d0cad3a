use super::modules;
use std::fs;
use std::path::Path;

/// The names of all files below a directory that the library should have.
fn expected(directory: &Path, prefix: &str, names: &mut Vec<String>) {
    for entry in fs::read_dir(directory).into_iter().flatten() {
        let entry = entry.unwrap();
        let name = format!("{prefix}{}", entry.file_name().to_str().unwrap());
        if entry.path().is_dir() {
            expected(&entry.path(), &format!("{name}/"), names);
        } else if name.ends_with(".rego") && !name.ends_with("_test.rego") && name != "main.rego" {
            names.push(format!("toolgate:{name}"));
        }
    }
}

#[test]
fn every_module_of_the_library_is_embedded() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("rego/toolgate");
    let mut names = Vec::new();
    expected(&root, "", &mut names);
    names.sort();
    let embedded: Vec<String> = modules().into_iter().map(|module| module.path).collect();
    assert_eq!(embedded, names);
}
