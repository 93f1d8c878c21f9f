//! The ABI for C, which is a workspace of its own: formatted, linted, tested; and the hashing program on
//! each loop, compiled and run; and each loop's program before its conversion and after it.
//!
//! Invariant: a program whose loop is not installed is named in the note, and in CI fails the stage.

mod build;
mod conversions;
mod run;
mod window;

use std::env;
use std::fs;

use anyhow::{Context, Result, bail, ensure};

use self::build::{Kit, PROGRAMS, Program};
use self::run::{Run, Stdin};
use super::Note;
use crate::cmd::Cmd;
use crate::workspace::Workspace;

/// What becomes of the programs when they are cancelled.
const CANCELLED: &str = "the call was cancelled by its ticket or its future";

pub(super) fn run(workspace: &Workspace) -> Result<Note> {
    let root = workspace.root.join("integrations/c");
    let target = workspace.target.join("c");
    let cargo = || Cmd::cargo(&root).env("CARGO_TARGET_DIR", &target);
    Cmd::cargo(&root).args(["fmt", "--check"]).run()?;
    cargo().args(["clippy", "--quiet", "--all-targets", "--locked", "--", "-Dwarnings"]).run()?;
    cargo().args(["test", "--quiet", "--locked"]).run()?;
    cargo().args(["build", "--quiet", "--locked"]).run()?;

    let kit = Kit { root, libs: target.join("debug"), out: workspace.scratch("c")? };
    check_heads(&kit)?;
    let missing = build::missing();
    if !missing.is_empty() && env::var_os("CI").is_some() {
        bail!("not all loops are here: apt-get install {}", missing.join(" "));
    }
    let folder = workspace.root.join("examples");
    kit.folder_library()?;
    let mut line = None;
    let mut names = Vec::new();
    for program in PROGRAMS {
        let Some(command) = kit.build(program)? else { continue };
        names.push(program.name);
        let hash =
            |pause_ms: u32| command.clone().args([folder.as_os_str()]).arg(pause_ms.to_string());
        let said = match program.has_window {
            true => window::drive(&kit, &hash).with_context(|| program.name.to_owned())?,
            false => in_terminal(&hash).with_context(|| program.name.to_owned())?,
        };
        let first: &String = line.get_or_insert_with(|| said.clone());
        ensure!(said == *first, "{} says `{said}`, and others say `{first}`", program.name);
    }
    let checked = kit.checked(&folder)?;
    let converted = conversions::run(&kit)?;
    let mut note = format!("{}; {converted} before and after; {checked}", names.join(", "));
    if !missing.is_empty() {
        note += &format!("; NOT ALL RUN: apt-get install {}", missing.join(" "));
    }
    Ok(note)
}

/// To its end, and then cancelled by a key; gives the line that it ended with.
fn in_terminal(hash: &dyn Fn(u32) -> Run) -> Result<String> {
    let whole = hash(20).run(Stdin::None)?;
    let said = whole.stdout.trim_end().to_owned();
    ensure!(said.contains(" files, "), "it came to `{said}`");
    ensure!(whole.ticks() >= 2, "its counter stood still: {}", whole.stderr);
    ensure!(whole.stderr.contains(" of "), "it showed no progress: {}", whole.stderr);
    let cancelled = hash(200).run(Stdin::CancelAt(" 1 of "))?;
    let came_to = cancelled.stdout.trim_end();
    ensure!(came_to == CANCELLED, "cancelled, it came to `{came_to}`");
    Ok(said)
}

/// `struct app` and its functions, which stand in each program in the same words; only what the
/// loop adds to the struct differs.
fn check_heads(kit: &Kit) -> Result<()> {
    let mut first: Option<String> = None;
    for Program { source, .. } in PROGRAMS.iter().filter(|program| !program.source.ends_with(".py"))
    {
        let text = fs::read_to_string(kit.root.join("programs").join(source))?;
        let from = text.find("struct app {").context("it has no struct app")?;
        let to = text.find("offloop_destroy(app->off);\n}").context("it has no app_end")?;
        let (own, rest) = text[from..to].split_once("offloop_ticket call;\n").context("no call")?;
        let (_of_the_loop, functions) = rest.split_once("};").context("no end")?;
        let shared = format!("{own}{functions}");
        let kept = first.get_or_insert_with(|| shared.clone());
        ensure!(*kept == shared, "programs/{source}: its struct app is not that of the others");
    }
    Ok(())
}
