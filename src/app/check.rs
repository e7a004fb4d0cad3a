//! Whether a process could start, without starting it.

use super::tls::server_config;
use super::{options, source, tokens};
use crate::bundle::compile::compiler;
use crate::bundle::load::read_and_verify;
use crate::config::Config;
use std::num::NonZeroUsize;

/// Reads every file that the configuration names — certificates, keys, key sets, bundles — and
/// says what is wrong with them, one problem an item. Listens on nothing and writes nothing.
#[must_use]
pub fn check(config: &Config) -> Vec<String> {
    let mut problems = Vec::new();
    let tls = config.listen.tcp.as_ref().and_then(|tcp| tcp.tls.as_ref());
    if let Some(Err(error)) = tls.map(server_config) {
        problems.push(error.to_string());
    }
    if let Some(Err(error)) = config.jwt.as_ref().map(tokens) {
        problems.push(error.to_string());
    }
    problems.extend(bundles(config));
    problems
}

fn bundles(config: &Config) -> Vec<String> {
    let sources: Vec<_> = config.bundles.iter().map(source).collect();
    let verified = match read_and_verify(&sources) {
        Ok(verified) => verified,
        Err(error) => return vec![error.to_string()],
    };
    let compile = compiler(options(config, NonZeroUsize::MIN));
    match compile(verified, 1) {
        Ok(_set) => Vec::new(),
        Err(findings) => findings.iter().map(ToString::to_string).collect(),
    }
}
