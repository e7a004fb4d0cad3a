//! Where rows go. Written in two steps, with the cursor between them: first all bytes are made
//! durable where nobody takes them for results, then the cursor says that they are, then they get
//! their names. Whatever stops in between is done again, or undone, by the next run.

use super::row::Row;
use std::io;

/// What is durable.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Written {
    /// How long the file is; 0 of a directory.
    pub file_bytes: u64,
    /// Parts to be published.
    pub parts: Vec<String>,
}

/// Takes rows.
pub trait Sink {
    /// Takes a row of the log with this number.
    ///
    /// # Errors
    /// As the operating system says.
    fn push(&mut self, log: usize, row: &Row) -> io::Result<()>;

    /// Makes everything taken so far durable.
    ///
    /// # Errors
    /// As the operating system says.
    fn complete(&mut self) -> io::Result<Written>;

    /// Gives what the cursor has now its names. Doing it twice does no harm.
    ///
    /// # Errors
    /// As the operating system says.
    fn publish(&mut self, written: &Written) -> io::Result<()>;
}
