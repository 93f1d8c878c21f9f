//! Real clients as async calls, in a workspace of their own: formatted, linted, tested.
//!
//! Invariant: what they need (a database's C code, an HTTP client) is built for this stage alone.

use anyhow::Result;

use super::Note;
use crate::cmd::Cmd;
use crate::workspace::Workspace;

pub(super) fn run(workspace: &Workspace) -> Result<Note> {
    let (folder, target) =
        (workspace.root.join("adapters/tokio/clients"), workspace.target.join("clients"));
    let cargo = || -> Cmd { Cmd::cargo(&folder).env("CARGO_TARGET_DIR", &target) };
    cargo().args(["fmt", "--check"]).run()?;
    cargo().args(["clippy", "--quiet", "--all-targets", "--locked", "--", "-Dwarnings"]).run()?;
    cargo().args(["test", "--quiet", "--locked"]).run()?;
    Ok(Note::new())
}
