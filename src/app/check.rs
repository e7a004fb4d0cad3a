//! Whether a process could start, without starting it.

use super::tls;
use super::{keys, options, sets, tokens};
use crate::bundle::compile::compiler;
use crate::bundle::load::read_and_verify;
use crate::bundle::source::Source;
use crate::config::{Config, TlsFiles};
use crate::identity::{JwtConfig, KeySource};
use crate::telemetry::now;
use std::num::NonZeroUsize;

/// Reads every file that the configuration names — certificates, keys, key sets, bundles — and
/// says what is wrong with them, one problem an item. Listens on nothing, asks nobody (keys of
/// tokens are not fetched) and writes nothing.
#[must_use]
pub fn check(config: &Config) -> Vec<String> {
    let mut problems = Vec::new();
    if let Some(Err(error)) = tls_files(config).map(|files| tls::load(files, now())) {
        problems.push(error.to_string());
    }
    if let Some(Err(error)) = config.jwt.as_ref().map(tokens) {
        problems.push(error.to_string());
    }
    if let Some(JwtConfig {
        keys: KeySource::Server(server),
        ..
    }) = &config.jwt
        && let Err(error) = keys::check(server)
    {
        problems.push(error.to_string());
    }
    problems.extend(bundles(config));
    problems
}

/// What is no problem yet but should be looked at: authorities of clients that have expired.
#[must_use]
pub fn warnings(config: &Config) -> Vec<String> {
    let loaded = tls_files(config).map(|files| tls::load(files, now()));
    match loaded {
        Some(Ok(loaded)) => loaded.warnings,
        Some(Err(_)) | None => Vec::new(),
    }
}

fn tls_files(config: &Config) -> Option<&TlsFiles> {
    config.listen.tcp.as_ref()?.tls.as_ref()
}

/// Each tenant's bundles are a set of their own.
fn bundles(config: &Config) -> Vec<String> {
    let mut problems = Vec::new();
    for (tenant, sources) in sets(config) {
        let whose = tenant.map_or(String::new(), |tenant| format!("tenant `{tenant}`: "));
        let found = set(config, &sources).into_iter();
        problems.extend(found.map(|problem| format!("{whose}{problem}")));
    }
    problems
}

fn set(config: &Config, sources: &[Source]) -> Vec<String> {
    let verified = match read_and_verify(sources) {
        Ok(verified) => verified,
        Err(error) => return vec![error.to_string()],
    };
    let compile = compiler(options(config, NonZeroUsize::MIN));
    match compile(verified, 1) {
        Ok(_set) => Vec::new(),
        Err(findings) => findings.iter().map(ToString::to_string).collect(),
    }
}
