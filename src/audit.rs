//! The audit log: evidence that someone who does not trust this process can check with a short
//! program. The format is described in `docs/audit-format.md`.
//!
//! Invariants:
//! - What is acknowledged is durable; what could not be made durable is never acknowledged.
//! - One log has one writer and one origin.
//! - `verify` reads the format from its own description and uses neither `record` nor `log`.
//! - No record holds arguments or results: only keyed hashes and sizes. The content store holds
//!   them where it is configured, encrypted, without the secrets in them.

pub mod archive;
pub mod content;
#[cfg(test)]
pub(crate) mod crashes;
pub mod export;
pub mod hash;
pub mod index;
pub mod layout;
pub mod log;
pub mod otlp;
pub mod prove;
pub mod record;
pub mod sign;
pub mod stream;
pub mod tree;
pub mod verify;
pub mod witness;

pub use crate::files;
