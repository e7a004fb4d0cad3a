//! toolgate: the command.

fn main() {}
