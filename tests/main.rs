//! Integration tests: one binary, so that it is linked once.

mod combination;
#[cfg(test)]
mod decide;
#[cfg(test)]
mod server;
