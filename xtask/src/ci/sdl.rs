//! The SDL program, which is a workspace of its own: formatted, linted, its loop tested without a
//! display, its program run before a conversion and after it, and seen in a window.
//!
//! Invariant: what is not installed is told, and on CI it is a failure.

use anyhow::Result;

use super::packages::{Package, Thing::Headers};
use super::screen::{self, Cancel, Program};
use super::{Note, convert, packages};
use crate::cmd::Cmd;
use crate::workspace::Workspace;

const HEADERS: [Package; 1] = [Package(Headers("sdl2"), "libsdl2-dev")];

pub(super) fn run(workspace: &Workspace) -> Result<Note> {
    let root = workspace.root.join("integrations/sdl");
    let target = workspace.target.join("sdl");
    let cargo = || -> Cmd { Cmd::cargo(&root).env("CARGO_TARGET_DIR", &target) };
    cargo().args(["fmt", "--check"]).run()?;
    if let Some(note) = packages::absent(packages::DISPLAY.iter().chain(&HEADERS))? {
        return Ok(note);
    }
    let clippy = cargo().args(["clippy", "--quiet", "--locked", "--all-targets"]);
    clippy.args(["--", "-Dwarnings"]).run()?;
    let tests = cargo().env("SDL_VIDEODRIVER", "dummy").args(["test", "--quiet", "--locked"]);
    tests.run()?;
    cargo().args(["build", "--quiet", "--locked", "--bins", "--examples"]).run()?;
    let converted = |which: &str| {
        let program = Cmd::new(target.join(format!("debug/examples/sdl_{which}")));
        program.env("SDL_VIDEODRIVER", "dummy")
    };
    let logs = workspace.scratch("sdl")?;
    convert::same(&logs, "sdl", [converted("before"), converted("after")])?;
    let program = Program {
        name: "hash_sdl",
        file: target.join("debug/hash_sdl"),
        env: &[("SDL_VIDEODRIVER", "x11")],
        size: (880, 96),
        line: 40..56,
        cancel: Cancel::Key("c"),
    };
    let note = screen::show(workspace, &program)?;
    Ok(format!("{note}, and sdl before and after"))
}
