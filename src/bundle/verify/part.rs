//! One bundle: what each of its files is, and whether the bundle may have it.

use super::VerifyError;
use crate::bundle::data::{self, RESERVED};
use crate::bundle::manifest::{self, Disagree, Manifest};
use crate::bundle::package;
use crate::bundle::source::Bundle;
use crate::model::bundle::{Change, Module, RegoVersion};
use crate::model::json::Json;

/// Most unused files that a warning names.
const NAMED_FILES_MAX: usize = 10;

/// What a file of a bundle is, by its path alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// `.manifest` at the root.
    Manifest,
    /// `.signatures.json` at the root: kept aside.
    Signatures,
    /// A live module.
    Module,
    /// A test: `*_test.rego`, `*_test.yaml`, `*_test.yml`.
    Test,
    /// `data.json`, `data.yaml`, `data.yml`.
    Data,
    /// `patch.json` at the root: a change to another bundle.
    Delta,
    /// Anything else.
    Unused,
}

impl Kind {
    /// What the file at this path is.
    pub(super) fn of(path: &str) -> Self {
        const TESTS: [&str; 3] = ["_test.rego", "_test.yaml", "_test.yml"];
        match path {
            manifest::PATH => return Self::Manifest,
            ".signatures.json" => return Self::Signatures,
            "patch.json" => return Self::Delta,
            _ => {}
        }
        if path.split('/').any(|name| name.starts_with('.')) {
            Self::Unused
        } else if TESTS.iter().any(|suffix| path.ends_with(suffix)) {
            Self::Test
        } else if path.ends_with(".rego") {
            Self::Module
        } else if data::path_of(path).is_some() {
            Self::Data
        } else {
            Self::Unused
        }
    }

    /// Whether such a file has a part in decisions.
    pub(super) fn decides(self) -> bool {
        matches!(self, Self::Manifest | Self::Module | Self::Data)
    }
}

/// A live module and its package.
pub(super) struct Live {
    pub(super) module: Module,
    pub(super) package: Vec<String>,
}

/// A data file's document and where it stands in `data`.
pub(super) struct Document<'a> {
    pub(super) path: &'a str,
    pub(super) at: Vec<String>,
    pub(super) value: Json,
}

/// A bundle, taken apart and checked by itself.
pub(super) struct Part<'a> {
    pub(super) name: &'a str,
    pub(super) servers: Option<&'a Vec<String>>,
    pub(super) manifest: Manifest,
    pub(super) modules: Vec<Live>,
    pub(super) tests: Vec<Module>,
    pub(super) data: Vec<Document<'a>>,
    unused: Vec<&'a str>,
}

impl<'a> Part<'a> {
    /// Takes a bundle apart.
    pub(super) fn read(bundle: &'a Bundle) -> Result<Self, VerifyError> {
        let mut part = Self {
            name: &bundle.name,
            servers: bundle.servers.as_ref(),
            manifest: read_manifest(bundle)?,
            modules: Vec::new(),
            tests: Vec::new(),
            data: Vec::new(),
            unused: Vec::new(),
        };
        for (path, content) in &bundle.files {
            part.add(path, content)?;
        }
        Ok(part)
    }

    fn add(&mut self, path: &'a str, content: &[u8]) -> Result<(), VerifyError> {
        match Kind::of(path) {
            Kind::Manifest | Kind::Signatures => {}
            Kind::Module => {
                let module = self.text(path, content)?;
                let package = self.package(&module)?;
                self.modules.push(Live { module, package });
            }
            Kind::Test => {
                let test = self.text(path, content)?;
                self.tests.push(test);
            }
            Kind::Data => {
                let document = self.document(path, content)?;
                self.data.push(document);
            }
            Kind::Delta => {
                let bundle = self.name.to_owned();
                return Err(VerifyError::Delta { bundle });
            }
            Kind::Unused => self.unused.push(path),
        }
        Ok(())
    }

    fn text(&self, path: &str, content: &[u8]) -> Result<Module, VerifyError> {
        let source = std::str::from_utf8(content).map_err(|error| VerifyError::Utf8 {
            bundle: self.name.to_owned(),
            path: path.to_owned(),
            at: error.valid_up_to(),
        })?;
        Ok(Module {
            path: path.to_owned(),
            source: source.to_owned(),
            rego: self.rego_version(path)?,
        })
    }

    fn rego_version(&self, path: &str) -> Result<RegoVersion, VerifyError> {
        let versions = &self.manifest.versions;
        versions
            .of(path)
            .map_err(|Disagree(a, b)| VerifyError::RegoVersions {
                bundle: self.name.to_owned(),
                path: path.to_owned(),
                a,
                b,
            })
    }

    fn package(&self, module: &Module) -> Result<Vec<String>, VerifyError> {
        let (bundle, path) = (self.name.to_owned(), module.path.clone());
        let Some(package) = package::of(&module.source) else {
            return Err(VerifyError::NoPackage { bundle, path });
        };
        let shown = data::shown(&package);
        if package.first().is_some_and(|first| first == RESERVED) {
            return Err(VerifyError::PackageReserved {
                bundle,
                path,
                package: shown,
            });
        }
        if !self.manifest.roots.iter().any(|root| root.covers(&package)) {
            return Err(VerifyError::PackageOutsideRoots {
                bundle,
                path,
                package: shown,
            });
        }
        Ok(package)
    }

    fn document(&self, path: &'a str, content: &[u8]) -> Result<Document<'a>, VerifyError> {
        let refuse = |error| VerifyError::Data {
            bundle: self.name.to_owned(),
            path: path.to_owned(),
            error,
        };
        let at = data::path_of(path).unwrap_or_default();
        let value = data::parse(path, content).map_err(refuse)?;
        data::check_roots(&at, &value, &self.manifest.roots).map_err(refuse)?;
        Ok(Document { path, at, value })
    }

    /// Which files had no part in anything, if any.
    pub(super) fn warning(&self) -> Option<String> {
        let named: Vec<&str> = self.unused.iter().take(NAMED_FILES_MAX).copied().collect();
        let more = match self.unused.len() - named.len() {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        let named = named.join("`, `");
        (!named.is_empty()).then(|| format!("bundle `{}`: not used: `{named}`{more}", self.name))
    }
}

/// What the manifests say of changes.
pub(super) fn changes(parts: &[Part<'_>]) -> Vec<Change> {
    let change = |part: &Part<'_>| {
        let bundle = part.name.to_owned();
        let change = part.manifest.change.clone()?;
        Some(Change { bundle, ..change })
    };
    parts.iter().filter_map(change).collect()
}

/// The manifests' revisions, joined.
pub(super) fn revision(parts: &[Part<'_>]) -> String {
    let revisions: Vec<&str> = parts
        .iter()
        .map(|part| part.manifest.revision.as_str())
        .filter(|revision| !revision.is_empty())
        .collect();
    revisions.join(",")
}

fn read_manifest(bundle: &Bundle) -> Result<Manifest, VerifyError> {
    let Some(bytes) = bundle.files.get(manifest::PATH) else {
        return Ok(Manifest::default());
    };
    manifest::parse(bytes).map_err(|error| VerifyError::Manifest {
        bundle: bundle.name.clone(),
        error,
    })
}
