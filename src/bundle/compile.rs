//! Verified sources become a policy set.

#[cfg(test)]
mod tests;

use super::load::Compile;
use super::swap::Compiled;
use super::verify::Verified;
use crate::engine::{Options, PolicySet, Refused};
use crate::model::bundle::Sources;

/// Compiles verified sources into the set of this version. Takes as long as it takes: not for a
/// thread that decides.
///
/// # Errors
/// Everything that keeps the set from being run as its author means it.
pub fn compile(
    verified: Verified<Sources>,
    options: &Options,
    version: u64,
) -> Result<Compiled<PolicySet>, Refused> {
    let (sources, warnings) = verified.into_parts();
    let set = PolicySet::compile(&sources, options, version)?;
    let packages = set.packages().iter();
    Ok(Compiled {
        revision: set.revision().clone(),
        packages: packages.map(|package| package.name.clone()).collect(),
        findings: set.warnings().to_vec(),
        warnings,
        set,
    })
}

/// How a loader compiles, with these options each time.
#[must_use]
pub fn compiler(options: Options) -> Compile<PolicySet> {
    Box::new(move |verified, version| {
        compile(verified, &options, version).map_err(|refused| refused.findings)
    })
}
