//! Integration tests: one binary, so that it is linked once.
#![cfg(test)]

mod cli;
mod combination;
mod decide;
mod demo;
mod programs;
mod refused;
mod server;
mod swap;
mod tidy;
mod util;
