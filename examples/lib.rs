//! Complete programs; each `.rs` file beside this one is an example of its own.
