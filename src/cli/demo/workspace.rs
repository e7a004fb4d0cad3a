//! The demo's own directory: a copy of the bundle, the socket, the log. Gone when it ends.

use std::fs;
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use uuid::Uuid;

// `FILES: &[(&str, &str)]`, path and text of each file of `bundles/demo`, written by
// `build/library.rs`.
include!(concat!(env!("OUT_DIR"), "/demo.rs"));

/// A new directory among temporary files that this user alone can enter.
pub struct Workspace {
    root: PathBuf,
}

impl Workspace {
    /// Makes the directory and the copy of the bundle in it.
    pub fn create() -> io::Result<Self> {
        // The path of a socket has to be short; the last digits of the UUID are random.
        let id = Uuid::now_v7().simple().to_string();
        let name: String = id.chars().rev().take(8).collect();
        let root = std::env::temp_dir().join(format!("toolgate-demo-{name}"));
        fs::DirBuilder::new().mode(0o700).create(&root)?;
        let workspace = Self { root };
        for (name, text) in FILES {
            let path = workspace.bundle().join(name);
            if let Some(parent) = path.parent() {
                fs::create_dir_all(parent)?;
            }
            fs::write(path, text)?;
        }
        Ok(workspace)
    }

    /// The directory itself.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The copy of the bundle.
    pub fn bundle(&self) -> PathBuf {
        self.root.join("demo")
    }

    /// The PDP's socket.
    pub fn socket(&self) -> PathBuf {
        self.root.join("pdp.sock")
    }

    /// The audit log.
    pub fn audit(&self) -> PathBuf {
        self.root.join("audit")
    }

    /// What a shim keeps.
    pub fn shim_state(&self, principal: &str) -> PathBuf {
        self.root.join("shims").join(principal)
    }

    /// Replaces a file of the bundle in one step, as an editor or a deployment would.
    pub fn replace(&self, name: &str, text: &str) -> io::Result<()> {
        let new = self.root.join("new");
        fs::write(&new, text)?;
        fs::rename(new, self.bundle().join(name))
    }

    /// The text that a file of the bundle had at first; empty if there is none.
    pub fn original(name: &str) -> &'static str {
        let found = FILES.iter().find(|(path, _)| *path == name);
        found.map_or("", |(_, text)| text)
    }
}

impl Drop for Workspace {
    fn drop(&mut self) {
        // What is left is among temporary files, of this user alone.
        drop(fs::remove_dir_all(&self.root));
    }
}
