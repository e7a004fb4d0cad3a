//! `[audit.content]`: whether arguments and results are kept.

use super::read::Section;
use std::path::{Path, PathBuf};

/// What is kept of content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContentConfig {
    /// The key that opens everything that is kept.
    pub key: ContentKey,
    /// The longest argument or result that is kept, in bytes.
    pub object_bytes_max: u64,
    /// All that is kept, in bytes.
    pub store_bytes_max: u64,
    /// Verifier keys of who may let others read.
    pub approvers: Vec<String>,
}

/// Where the key is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ContentKey {
    /// In a file of each log's own, made with it.
    Own,
    /// In this file.
    File(PathBuf),
    /// In the environment variable of this name.
    Variable(String),
}

impl ContentConfig {
    /// `None`: nothing is kept.
    pub(super) fn read(section: Section<'_>, base: &Path) -> Option<Self> {
        let enabled = section.flag("enabled");
        let file = section.text("key_file");
        let variable = section.text("key_env");
        let object_bytes_max = section.count("object_bytes_max");
        let store_bytes_max = section.count("store_bytes_max");
        let approvers = section.texts("approvers").unwrap_or_default();
        if let (Some(_), Some(variable)) = (&file, &variable) {
            let message = "`audit.content` has both `key_file` and `key_env`: keep one";
            section.problem(&variable.place, message);
        }
        section.end();
        let key = match (file, variable) {
            (Some(file), _) => ContentKey::File(base.join(file.value)),
            (None, Some(variable)) => ContentKey::Variable(variable.value),
            (None, None) => ContentKey::Own,
        };
        enabled.then(|| Self {
            key,
            object_bytes_max,
            store_bytes_max,
            approvers: approvers.into_iter().map(|it| it.value).collect(),
        })
    }
}
