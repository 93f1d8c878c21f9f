//! The chaos of worker processes at its full size, and payloads of the largest one.
//!
//! Invariant: they are the very tests that `cargo test` runs with fewer calls.

use anyhow::{Context, Result, bail};

use crate::workspace::Workspace;

const CALLS: u64 = 1_000_000;

pub(crate) fn command(workspace: &Workspace, args: &[String]) -> Result<()> {
    let (mut calls, mut seed) = (CALLS, None);
    let mut args = args.iter();
    while let Some(name) = args.next() {
        let number = args.next().map(|number| number.replace('_', "").parse());
        let number = number.with_context(|| format!("{name} is followed by a number"))??;
        match name.as_str() {
            "--calls" => calls = number,
            "--seed" => seed = Some(number),
            other => bail!("there is no `{other}`; there are --calls N and --seed N"),
        }
    }
    run(workspace, calls, seed)
}

/// The test prints its seed.
pub(crate) fn run(workspace: &Workspace, calls: u64, seed: Option<u64>) -> Result<()> {
    let mut cmd = workspace.cargo().env("OFFLOOP_CHAOS_CALLS", calls.to_string());
    if let Some(seed) = seed {
        cmd = cmd.env("OFFLOOP_CHAOS_SEED", seed.to_string());
    }
    cmd.args(["test", "--package", "offloop", "--release", "--test", "process", "--"])
        .args(["--exact", "chaos::chaos_costs_nobody_else_anything_and_leaves_nothing"])
        .arg("--nocapture")
        .run()
}

/// In release: a build without optimization encodes a GiB for minutes.
pub(crate) fn largest_payloads(workspace: &Workspace) -> Result<()> {
    workspace
        .cargo()
        .env("OFFLOOP_LARGEST", "1")
        .args(["test", "--package", "offloop", "--release", "--test", "process", "--"])
        .args(["largest::", "--nocapture", "--test-threads=1"])
        .run()
}
