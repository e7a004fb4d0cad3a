//! Integration tests: one binary, so that it is linked once.

#[cfg(test)]
mod decide;
#[cfg(test)]
mod server;
