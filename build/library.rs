//! Lists the policy library's modules and the demo's bundle, so that a new file is embedded by being
//! there.

use std::error::Error;
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::{env, fs};

const LIBRARY: &str = "rego/toolgate";
const DEMO: &str = "bundles/demo";

/// Modules below `rego/toolgate` that are there for `opa`.
const FOR_OPA: [&str; 2] = ["main.rego", "main_test.rego"];

/// Writes path and text of each module below `rego/toolgate` to `library.rs` and of each of their
/// tests to `library_tests.rs`, and of each file below `bundles/demo` to `demo.rs`.
pub fn embed(out: &Path) -> Result<(), Box<dyn Error>> {
    let is_ours = |name: &str| name.ends_with(".rego") && !FOR_OPA.contains(&name);
    let is_test = |name: &str| name.ends_with("_test.rego");
    let modules = files(LIBRARY, "toolgate:", |name| is_ours(name) && !is_test(name))?;
    fs::write(out.join("library.rs"), constant("FILES", &modules))?;
    let tests = files(LIBRARY, "toolgate:", |name| is_ours(name) && is_test(name))?;
    fs::write(out.join("library_tests.rs"), constant("TESTS", &tests))?;
    let demo = files(DEMO, "", |_| true)?;
    fs::write(out.join("demo.rs"), constant("FILES", &demo))?;
    Ok(())
}

/// `const <name>`: a list of path and text.
fn constant(name: &str, files: &str) -> String {
    format!("const {name}: &[(&str, &str)] = &[\n{files}];\n")
}

/// The prefix and path, and the text, of each file below `root` that is wanted.
fn files(
    root: &str,
    prefix: &str,
    is_wanted: impl Fn(&str) -> bool,
) -> Result<String, Box<dyn Error>> {
    println!("cargo::rerun-if-changed={root}");
    let root = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?).join(root);
    let mut files = Vec::new();
    if root.is_dir() {
        list(&root, &mut files)?;
    }
    files.sort();
    let mut code = String::new();
    for file in files {
        let name = file
            .strip_prefix(&root)?
            .to_str()
            .ok_or("a path is no UTF-8")?;
        if is_wanted(name) {
            writeln!(
                code,
                "({:?}, include_str!({file:?})),",
                format!("{prefix}{name}")
            )?;
        }
    }
    Ok(code)
}

fn list(directory: &Path, files: &mut Vec<PathBuf>) -> Result<(), Box<dyn Error>> {
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        if path.is_dir() {
            list(&path, files)?;
        } else {
            files.push(path);
        }
    }
    Ok(())
}
