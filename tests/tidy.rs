//! What no compiler checks: which module may use which, what may be named where, how long a file
//! may be, and that the documents agree with the code. Each failure says where, and what to do.

mod docs;
mod edges;
mod files;
mod findings;
mod source;
mod words;

/// Fails with every finding, each on a line of its own.
fn check(mut findings: Vec<String>) {
    findings.sort();
    assert!(findings.is_empty(), "\n{}\n", findings.join("\n"));
}
