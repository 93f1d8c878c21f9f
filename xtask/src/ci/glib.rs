//! The GLib crate and its GTK program, which are a workspace of their own: formatted, linted, tested,
//! seen in a window, and run before a conversion and after it.
//!
//! Invariant: what is not installed is told, and on CI it is a failure.

use anyhow::Result;

use super::packages::{Package, Thing::Headers};
use super::screen::{self, Cancel, Program};
use super::{Note, packages};
use crate::cmd::Cmd;
use crate::workspace::Workspace;

const HEADERS: [Package; 1] = [Package(Headers("gtk4"), "libgtk-4-dev")];

pub(super) fn run(workspace: &Workspace) -> Result<Note> {
    let root = workspace.root.join("integrations/glib");
    let target = workspace.target.join("glib");
    let cargo = || -> Cmd { Cmd::cargo(&root).env("CARGO_TARGET_DIR", &target) };
    cargo().args(["fmt", "--all", "--check"]).run()?;
    if let Some(note) = packages::absent(packages::DISPLAY.iter().chain(&HEADERS))? {
        return Ok(note);
    }
    cargo().args(["test", "--quiet", "--locked", "--package", "offloop-glib"]).run()?;
    cargo().args(["build", "--quiet", "--locked", "--package", "hash-gtk"]).run()?;
    let examples = ["build", "--quiet", "--locked", "--package", "hash-gtk", "--examples"];
    cargo().args(examples).run()?;
    let clippy = cargo().args(["clippy", "--quiet", "--locked", "--workspace", "--all-targets"]);
    clippy.args(["--", "-Dwarnings"]).run()?;
    let program = Program {
        name: "hash_gtk",
        file: target.join("debug/hash_gtk"),
        env: &[("GDK_BACKEND", "x11"), ("GSK_RENDERER", "cairo")],
        size: (400, 160),
        line: 60..82,
        cancel: Cancel::Click(200, 108),
    };
    let note = screen::show(workspace, &program)?;
    screen::convert(workspace, "gtk", &target.join("debug/examples"), program.env)?;
    Ok(format!("{note}, and gtk before and after"))
}
