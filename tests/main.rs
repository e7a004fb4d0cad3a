//! Integration tests: one binary, so that it is linked once.
#![cfg(test)]

mod cli;
mod combination;
mod decide;
mod refused;
mod server;
mod swap;
#[cfg(test)]
mod tidy;
mod util;
