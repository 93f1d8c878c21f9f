//! The bench, which is a workspace of its own: formatted, linted, tested, and run for a moment.
//!
//! Invariant: no time is judged; what is checked is that the harness works and that every call of
//! every side comes back.

use anyhow::{Result, bail};

use super::Note;
use crate::cmd::Cmd;
use crate::workspace::Workspace;

pub(super) fn run(workspace: &Workspace) -> Result<Note> {
    let target = workspace.target.join("bench");
    let cargo =
        || -> Cmd { Cmd::cargo(&workspace.root.join("bench")).env("CARGO_TARGET_DIR", &target) };
    Cmd::cargo(&workspace.root.join("bench")).args(["fmt", "--check"]).run()?;
    cargo().args(["clippy", "--quiet", "--all-targets", "--locked", "--", "-Dwarnings"]).run()?;
    cargo().args(["test", "--quiet", "--locked"]).run()?;
    let out = workspace.scratch("bench")?.join("quick.json");
    let printed = cargo().args(["run", "--quiet", "--locked", "--", "--quick", "--out"]).arg(&out);
    let printed = printed.stdout()?;
    if printed.contains("calls failed") {
        bail!("not every call came back in the bench:\n{printed}");
    }
    Ok("no figure judged".to_owned())
}
