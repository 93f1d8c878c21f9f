//! offloop against its rivals and the machine's floors, on one mio loop.
//!
//! Invariant: it measures and reports; it never judges a time, so it can't fail on a slow machine.

mod alloc;
mod cases;
mod cli;
mod counts;
mod figures;
mod machine;
mod process;
mod progress;
mod report;
mod results;
mod rivals;
mod run;
mod side;
mod tree;

use anyhow::Result;
use clap::Parser;

fn main() -> Result<()> {
    process::become_child();
    cli::Cli::parse().run()
}
