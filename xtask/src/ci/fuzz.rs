//! The fuzz targets, which are a workspace of their own: formatted, linted, built, and run over their
//! seeds and for some seconds more.
//!
//! Invariant: a target without a seed is a failure, so that each run begins at what is nearly right.

use std::fs;

use anyhow::{Context, Result, bail};

use super::Note;
use crate::cmd::Cmd;
use crate::platform::fuzz::{Checks, Fuzzers};
use crate::workspace::Workspace;

/// New inputs per target.
const SECONDS: u32 = 5;

pub(super) fn run(workspace: &Workspace) -> Result<Note> {
    let root = workspace.root.join("fuzz");
    Cmd::cargo(&root).args(["fmt", "--check"]).run()?;
    let target = workspace.target.join("fuzz-lint");
    let linted = |cargo: Cmd| {
        let cargo = cargo.env("CARGO_TARGET_DIR", &target).env("RUSTFLAGS", "--cfg fuzzing");
        cargo.args(["clippy", "--quiet", "--locked"])
    };
    linted(Cmd::cargo(&root)).args(["--all-targets", "--", "-Dwarnings"]).run()?;
    // The library's own part of it is in no other build; and whoever fuzzes a program that uses the
    // library compiles it so, with any features.
    for features in ["default", "process", ""] {
        linted(workspace.cargo())
            .args(["--package", "offloop", "--lib", "--no-default-features"])
            .args(["--features", features, "--", "-Dwarnings"])
            .run()?;
    }
    let fuzzers = Fuzzers::build(workspace, Checks::Own)?;
    for name in &fuzzers.names {
        let seeds = root.join("corpus").join(name);
        if fs::read_dir(&seeds).is_ok_and(|mut seeds| seeds.next().is_none()) || !seeds.is_dir() {
            bail!("the fuzz target `{name}` has no seed in {}", seeds.display());
        }
        let corpus = workspace.scratch(&format!("fuzz-ci/{name}"))?;
        fs::remove_dir_all(&corpus).context("an old corpus stays")?;
        fs::create_dir_all(&corpus)?;
        let figures = fuzzers.run(name, &corpus, SECONDS)?;
        eprintln!("  {name:<9} {figures}");
    }
    Ok(format!("{} targets, {SECONDS} s each, without AddressSanitizer", fuzzers.names.len()))
}
