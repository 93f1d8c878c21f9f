//! The `offloop` command.
fn main() {}
