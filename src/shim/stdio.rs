//! The transport on standard input and output: a child process, and lines both ways.

pub mod child;
pub mod frame;
pub mod link;
mod run;

pub use run::{Config, ShimError, run};

#[cfg(test)]
pub(in crate::shim) use run::{end_overdue_at, send_own};
