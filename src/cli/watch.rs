//! Doing something again whenever bundles change.

use super::{CliError, Exit, Output};
use crate::bundle::source::Source;
use crate::bundle::watch::{Follow, Timing};

/// Does it once, and again after each change, until the process is ended.
pub(super) fn repeat(
    sources: Vec<Source>,
    output: &Output,
    once: impl Fn() -> Result<Exit, CliError>,
) -> ! {
    // Watching starts before reading: what changes in between is seen.
    let mut follow = Follow::new(sources, Timing::default());
    loop {
        match once() {
            Ok(Exit::Done) => output.note("good; waiting for changes"),
            Ok(_) => output.note("not good; waiting for changes"),
            Err(error) => output.error(format!("{error}; waiting for changes")),
        }
        follow.wait();
    }
}
