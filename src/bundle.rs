//! From files on disk to the policy set in force: `source → verify → compile → swap`. Each arrow
//! changes the type ([`source::Bundle`] → [`verify::Verified`] → [`swap::Compiled`] → published),
//! so no step can be left out.
//!
//! - [`source`] reads a directory, a `.rego` file or an OPA `.tar.gz` into named bytes;
//! - [`verify`] checks manifests, roots, data and paths and names the whole by its digest;
//! - [`swap`] holds the set in force and what became of the last change;
//! - [`load`] takes all these steps, and [`watch`] takes them again whenever the files change. What
//!   fails leaves the last good set active.

pub mod compile;
pub mod data;
mod digest;
pub mod held;
pub mod library;
pub mod load;
mod manifest;
mod package;
pub mod source;
pub mod swap;
#[cfg(test)]
mod testing;
pub mod verify;
pub mod watch;
pub mod yaml;
