//! Lists the policy library's modules and the demo's bundle, so that a new file is embedded by being
//! there.

use std::error::Error;
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::{env, fs};

const LIBRARY: &str = "rego/toolgate";
const DEMO: &str = "bundles/demo";

/// Writes `library.rs`: path and text of each module below `rego/toolgate`, but tests and
/// `main.rego`, which is there for `opa`; and `demo.rs`: of each file below `bundles/demo`.
pub fn embed(out: &Path) -> Result<(), Box<dyn Error>> {
    let is_module = |name: &str| {
        name.ends_with(".rego") && name != "main.rego" && !name.ends_with("_test.rego")
    };
    write(LIBRARY, "toolgate:", is_module, &out.join("library.rs"))?;
    write(DEMO, "", |_| true, &out.join("demo.rs"))
}

/// Writes `const FILES`: the prefix and path, and the text, of each file below `root` that is
/// wanted.
fn write(
    root: &str,
    prefix: &str,
    is_wanted: impl Fn(&str) -> bool,
    out: &Path,
) -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed={root}");
    let root = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?).join(root);
    let mut files = Vec::new();
    if root.is_dir() {
        list(&root, &mut files)?;
    }
    files.sort();
    let mut code = String::from("const FILES: &[(&str, &str)] = &[\n");
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
    code.push_str("];\n");
    fs::write(out, code)?;
    Ok(())
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
