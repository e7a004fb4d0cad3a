//! Integration tests: one binary, so that it is linked once.

#[cfg(test)]
mod cli;
mod combination;
#[cfg(test)]
mod decide;
#[cfg(test)]
mod server;
#[cfg(test)]
mod util;
