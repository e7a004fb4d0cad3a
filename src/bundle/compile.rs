//! Verified sources become a policy set.

#[cfg(test)]
mod tests;

use super::load::Compile;
use super::swap::Compiled;
use super::verify::Verified;
use crate::engine::{Compiler, Options, PolicySet, Refused};
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
    compile_with(&Compiler::new(*options), verified, version)
}

/// Compiles what differs from the set that this compiler compiled last.
fn compile_with(
    compiler: &Compiler,
    verified: Verified<Sources>,
    version: u64,
) -> Result<Compiled<PolicySet>, Refused> {
    let (sources, warnings) = verified.into_parts();
    let compiled = compiler.compile(&sources, version)?;
    let set = compiled.set;
    let packages = set.packages().iter();
    Ok(Compiled {
        revision: set.revision().clone(),
        packages: packages.map(|package| package.name.clone()).collect(),
        findings: set.warnings().to_vec(),
        recompiled: compiled.recompiled,
        changes: sources.changes,
        warnings,
        set,
    })
}

/// How a loader compiles, with these options each time; where only data changed, the programs are
/// used again.
#[must_use]
pub fn compiler(options: Options) -> Compile<PolicySet> {
    let compiler = Compiler::new(options);
    Box::new(move |verified, version| {
        compile_with(&compiler, verified, version).map_err(|refused| refused.findings)
    })
}
