//! Lists the policy library's modules, so that a new file is embedded by being there.

use std::error::Error;
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::{env, fs};

const ROOT: &str = "rego/toolgate";

/// Writes `library.rs`: path and text of each module below `rego/toolgate`, but tests and
/// `main.rego`, which is there for `opa`.
pub fn embed(out: &Path) -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed={ROOT}");
    let root = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?).join(ROOT);
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
        if name != "main.rego" && !name.ends_with("_test.rego") {
            writeln!(
                code,
                "({:?}, include_str!({file:?})),",
                format!("toolgate:{name}")
            )?;
        }
    }
    code.push_str("];\n");
    fs::write(out.join("library.rs"), code)?;
    Ok(())
}

fn list(directory: &Path, files: &mut Vec<PathBuf>) -> Result<(), Box<dyn Error>> {
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        if path.is_dir() {
            list(&path, files)?;
        } else if path
            .extension()
            .is_some_and(|extension| extension == "rego")
        {
            files.push(path);
        }
    }
    Ok(())
}
