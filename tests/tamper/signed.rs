//! What is said of a signed log, and of what is wrong with one.

