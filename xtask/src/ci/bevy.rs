//! The adapter for Bevy, which is a workspace of its own: formatted, linted, tested, and its example run to
//! its end and to its cancel.
//!
//! Invariant: the example prints the very line that the one on a plain queue prints, and the pair that shows
//! a conversion prints one line.

use anyhow::{Result, ensure};

use super::{Note, convert};
use crate::cmd::Cmd;
use crate::workspace::Workspace;

pub(super) fn run(workspace: &Workspace) -> Result<Note> {
    let root = workspace.root.join("adapters/bevy");
    let target = workspace.target.join("bevy");
    let cargo = || Cmd::cargo(&root).env("CARGO_TARGET_DIR", &target);
    Cmd::cargo(&root).args(["fmt", "--check"]).run()?;
    cargo().args(["clippy", "--quiet", "--all-targets", "--locked", "--", "-Dwarnings"]).run()?;
    cargo().args(["test", "--quiet", "--locked"]).run()?;
    cargo().args(["build", "--quiet", "--locked", "--examples"]).run()?;
    let programs = target.join("debug/examples");
    let bevy = || Cmd::new(programs.join("hash_bevy")).dir(&workspace.root);
    let plain = workspace.cargo().args(["run", "--quiet", "--example", "hash_mpsc", "crates"]);
    let (found, expected) = (bevy().arg("crates").stdout()?, plain.stdout()?);
    ensure!(found == expected, "hash_bevy says {found:?}, hash_mpsc {expected:?}");
    let found = bevy().args(["crates", "1000"]).stdout_for("c\n")?;
    ensure!(found.starts_with("the call was cancelled"), "told to cancel, it says {found:?}");
    let pair = ["before", "after"].map(|which| Cmd::new(programs.join(format!("bevy_{which}"))));
    convert::same(&workspace.scratch("bevy")?, "bevy", pair)?;
    Ok(format!("hash_bevy: {}", expected.trim()))
}
