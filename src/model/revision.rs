//! Which policy set decided.

/// The name of one compiled policy set, in each reply and each record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Revision {
    /// Counts the swaps of this process: 1 for the first set, then up by 1.
    pub version: u64,
    /// The manifest's `revision`; the digest's first 12 hexadecimal digits where it has none.
    pub revision: String,
    /// `sha256:<hex>` over the bundles' files: equal digests are equal policy sets.
    pub digest: String,
}

/// Which of the two evaluators ran.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EngineKind {
    /// The register machine over the compiled program.
    Rvm,
    /// The tree-walking interpreter.
    Interpreter,
}

impl EngineKind {
    /// The name in the reply and in the record.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Rvm => "rvm",
            Self::Interpreter => "interpreter",
        }
    }
}

/// Which evaluator the operator wants.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum EngineChoice {
    /// The register machine where the gate lets a package through, else the interpreter.
    #[default]
    Auto,
    /// The register machine, or refuse the set.
    Rvm,
    /// The interpreter.
    Interpreter,
}

impl EngineChoice {
    /// The choice of this name: `auto`, `rvm` or `interpreter`.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        match name {
            "auto" => Some(Self::Auto),
            "rvm" => Some(Self::Rvm),
            "interpreter" => Some(Self::Interpreter),
            _ => None,
        }
    }
}
