//! Integration tests: one binary, so that it is linked once.

#[cfg(test)]
mod combination;
#[cfg(test)]
mod decide;
#[cfg(test)]
mod refused;
#[cfg(test)]
mod server;
#[cfg(test)]
mod swap;
#[cfg(test)]
mod tidy;
