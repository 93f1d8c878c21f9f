//! The stages which are little more than one cargo command each.
//!
//! Invariant: they share one target directory and one profile, so that nothing is built
//! twice; except where a `--cfg` changes every crate.

use std::path::PathBuf;

use anyhow::{Result, bail};

use super::Note;
use crate::cmd::Cmd;
use crate::platform::{self, toolchain};
use crate::tidy;
use crate::workspace::{Package, Workspace};

/// Exhaustive search grows steeply with the preemptions it may place; three find what
/// is found in practice.
const LOOM_MAX_PREEMPTIONS: &str = "3";

const CHAOS_CALLS: u64 = 20_000;

const SIM_SEEDS_KEY: &str = "OFFLOOP_SIM_SEEDS";
const SIM_SEEDS: &str = "100000";

pub(super) fn tidy(workspace: &Workspace) -> Result<Note> {
    tidy::check(workspace)
}

pub(super) fn stress(workspace: &Workspace) -> Result<Note> {
    platform::stress::command(workspace, &[])?;
    Ok(Note::new())
}

/// The very test that `test` runs with fewer calls, and payloads of the largest size.
pub(super) fn chaos(workspace: &Workspace) -> Result<Note> {
    platform::chaos::run(workspace, CHAOS_CALLS, None)?;
    platform::chaos::largest_payloads(workspace)?;
    Ok(format!("{CHAOS_CALLS} calls"))
}

/// The testkit's random programs at their full number: the very test that `test` runs with fewer.
pub(super) fn sim(workspace: &Workspace) -> Result<Note> {
    let seeds = std::env::var(SIM_SEEDS_KEY).unwrap_or_else(|_| SIM_SEEDS.to_owned());
    workspace
        .cargo()
        .env(SIM_SEEDS_KEY, &seeds)
        .args(["test", "--package", "offloop-testkit", "--release"])
        .args(["--test", "sim", "--", "--nocapture"])
        .run()?;
    Ok(format!("{seeds} seeds"))
}

pub(super) fn fmt(workspace: &Workspace) -> Result<Note> {
    workspace.cargo().args(["fmt", "--all", "--check"]).run()?;
    Ok(Note::new())
}

pub(super) fn lint(workspace: &Workspace) -> Result<Note> {
    clippy(workspace, &["--workspace", "--all-targets"], &["-Dwarnings"])?;
    let mut combinations = 0;
    for package in workspace.packages.iter().filter(|package| package.is_library()) {
        for features in feature_sets(package) {
            let mut args = vec!["--package", &package.name, "--no-default-features"];
            args.extend(["--lib", "--tests"]);
            args.extend(["--features", &features]);
            clippy(workspace, &args, &["-Dwarnings"])?;
            combinations += 1;
        }
    }
    Ok(match combinations {
        0 => Note::new(),
        n => format!("{n} feature sets beside the default"),
    })
}

/// No feature, then each one alone, then all, because some code is there for two of them; nothing for a
/// package that has none.
pub(super) fn feature_sets(package: &Package) -> Vec<String> {
    let own = package.features.iter().filter(|name| *name != "default");
    let mut sets: Vec<String> = own.cloned().collect();
    if sets.len() > 1 {
        sets.push(sets.join(","));
    }
    if !package.features.is_empty() {
        sets.insert(0, String::new());
    }
    sets
}

pub(super) fn clippy(workspace: &Workspace, args: &[&str], lints: &[&str]) -> Result<()> {
    let cmd = workspace.cargo().args(["clippy", "--quiet"]).args(args);
    cmd.arg("--").args(lints).run()
}

/// Public items as readers see them, and private ones. The library and the command share a
/// name, hence a page, so programs and libraries take turns. A link to what a feature brings
/// is no link without it, so the library's pages are made with none and with all, too.
pub(super) fn docs(workspace: &Workspace) -> Result<Note> {
    let doc = |args: &[&str]| {
        let cmd = workspace.cargo().env("RUSTDOCFLAGS", "-Dwarnings");
        cmd.args(["doc", "--quiet", "--no-deps"]).args(args).run()
    };
    doc(&["--workspace", "--bins", "--examples", "--document-private-items"])?;
    doc(&["--workspace", "--lib", "--document-private-items"])?;
    doc(&["--package", "offloop", "--lib", "--no-default-features"])?;
    doc(&["--package", "offloop", "--lib", "--all-features"])?;
    doc(&["--workspace", "--lib"])?;
    Ok(Note::new())
}

pub(super) fn test(workspace: &Workspace) -> Result<Note> {
    workspace.cargo().args(["test", "--workspace", "--all-targets"]).run()?;
    workspace.cargo().args(["test", "--workspace", "--doc"]).run()?;
    let offloop = || workspace.cargo().args(["test", "--package", "offloop"]);
    offloop().args(["--features", "tracing", "--test", "tracing*"]).run()?;
    offloop()
        .args(["--no-default-features", "--lib", "--test", "outcome", "--test", "future"])
        .run()?;
    Ok(Note::new())
}

/// The pipe that other Unix systems use in place of Linux's eventfd, tested here. Its
/// `--cfg` changes every crate, hence a target directory of its own.
pub(super) fn pipe(workspace: &Workspace) -> Result<Note> {
    workspace
        .cargo()
        .env("CARGO_TARGET_DIR", workspace.target.join("pipe"))
        .env("RUSTFLAGS", "--cfg offloop_force_pipe -Dwarnings")
        .args(["test", "--package", "offloop", "--package", "offloop-mio"])
        .args(["--lib", "--tests"])
        .run()?;
    Ok(Note::new())
}

pub(super) fn loom(workspace: &Workspace) -> Result<Note> {
    let preemptions = std::env::var("LOOM_MAX_PREEMPTIONS");
    let preemptions = preemptions.unwrap_or_else(|_| LOOM_MAX_PREEMPTIONS.to_owned());
    let target: PathBuf = workspace.target.join("loom");
    let cargo = || -> Cmd {
        let cmd = workspace.cargo().env("CARGO_TARGET_DIR", &target);
        cmd.env("LOOM_MAX_PREEMPTIONS", &preemptions)
            .env("RUSTFLAGS", "--cfg loom -Dwarnings")
            .args(["test", "--package", "offloop", "--lib", "--release", "loom"])
    };
    let listed = cargo().args(["--", "--list"]).stdout()?;
    let models = listed.lines().filter(|line| line.ends_with(": test")).count();
    if models == 0 {
        bail!("no test of a module named `loom` was found, so no protocol is modelled");
    }
    cargo().run()?;
    Ok(format!("{models} models, at most {preemptions} preemptions"))
}

/// Runs only what is installed: `cargo miri setup` would download what is missing.
pub(super) fn miri(workspace: &Workspace) -> Result<Note> {
    let Some(toolchain) = toolchain::with_miri() else {
        return Ok("NOT RUN: no installed toolchain has both miri and rust-src".to_owned());
    };
    Cmd::new("rustup")
        .dir(&workspace.root)
        .env_remove("CARGO")
        .env("MIRIFLAGS", "-Zmiri-disable-isolation")
        .args(["run", &toolchain, "cargo", "miri", "test"])
        .args(["--package", "offloop", "--lib"])
        .run()?;
    Ok(format!("with {toolchain}"))
}
