//! The nouns of toolgate. This module uses nothing else of the crate, and every other module may
//! use it.

pub mod attempt;
pub mod bundle;
pub mod call;
pub mod finding;
pub mod hex;
pub mod json;
pub mod obligation;
pub mod principal;
pub mod reason;
pub mod revision;
pub mod secret;
pub mod subject;
pub mod time;
pub mod verdict;
