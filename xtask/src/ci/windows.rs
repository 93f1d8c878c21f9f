//! The programs with a window, which are a workspace of their own: formatted, linted, tested, and
//! used, on a display that nobody sees, as a person would.
//!
//! Invariant: each file in `src/bin` there is used in every way of `WAYS`, and what it says is compared
//! with what the others say; each folder in `convert` there is a pair that says one thing.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};

use super::display::{Display, Run, until};
use super::packages::{Package, Thing::Library};
use super::pixels::{Picture, Rgb};
use super::{Note, convert, packages};
use crate::cmd::Cmd;
use crate::workspace::Workspace;

/// What windows load when they start.
const LIBRARIES: [Package; 5] = [
    Package(Library("libX11-xcb.so.1"), "libx11-xcb1"),
    Package(Library("libXcursor.so.1"), "libxcursor1"),
    Package(Library("libXi.so.6"), "libxi6"),
    Package(Library("libxkbcommon-x11.so.0"), "libxkbcommon-x11-0"),
    Package(Library("libGL.so.1"), "libgl1"),
];
const SCREEN: (usize, usize) = (800, 400);

// As examples/windows/src/lib.rs has them.
const TITLE: &str = "hash a folder";
const RUNNING: Rgb = [0x2b, 0x2f, 0x3a];
const DONE: Rgb = [0x1e, 0x6b, 0x3c];
const CANCEL: Rgb = [0xb8, 0x32, 0x2a];
const TEXT: Rgb = [0xff, 0xff, 0xff];

/// Less than half of a window, and more than any text or button.
const LARGE: usize = 30_000;
const CANCELLED: &str = "the call was cancelled by its ticket or its future";
/// Of which the files are hashed.
const FOLDER: &str = "examples/hash";
/// So long that a call which is to be cancelled never gets to its second file, and what changes in
/// the window meanwhile is the counter.
const STILL_MS: &str = "600000";

/// How a run is ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    Click,
    Key,
    /// Escape, while the call is under way.
    Close,
    /// Nobody cancels it.
    Left,
}

const WAYS: [Way; 4] = [Way::Click, Way::Key, Way::Close, Way::Left];

pub(super) fn run(workspace: &Workspace) -> Result<Note> {
    let root = workspace.root.join("examples/windows");
    let target = workspace.target.join("windows");
    let cargo = || Cmd::cargo(&root).env("CARGO_TARGET_DIR", &target);
    Cmd::cargo(&root).args(["fmt", "--check"]).run()?;
    cargo().args(["clippy", "--quiet", "--all-targets", "--locked", "--", "-Dwarnings"]).run()?;
    cargo().args(["test", "--quiet", "--locked", "--lib"]).run()?;
    cargo().args(["build", "--quiet", "--locked", "--bins", "--examples"]).run()?;
    if let Some(note) = packages::absent(packages::DISPLAY.iter().chain(&LIBRARIES))? {
        return Ok(note);
    }
    let dir = workspace.scratch("windows")?;
    let display = Display::open(&dir, SCREEN)?;
    let suites = cargo().env("DISPLAY", &display.name).env_remove("WAYLAND_DISPLAY");
    suites.args(["test", "--quiet", "--locked", "--test", "*"]).run()?;
    let pairs = names(&root.join("convert"))?;
    for name in &pairs {
        let program = |which| target.join(format!("debug/examples/{name}_{which}"));
        let programs = ["before", "after"].map(|which| on(&display, &program(which)));
        convert::same(&dir, name, programs)?;
    }
    drop(display);
    let names = names(&root.join("src/bin"))?;
    let expected = expected(&workspace.root.join(FOLDER))?;
    let mut lines = Vec::new();
    for name in &names {
        let program = target.join("debug").join(name);
        for way in WAYS {
            let line = used(workspace, &dir, &program, way)
                .with_context(|| format!("{name}, {way:?}: see {}", dir.display()))?;
            if way == Way::Left {
                lines.push(line);
            }
        }
        eprintln!("  {name:<16} {}", lines.last().map_or("", String::as_str));
    }
    ensure!(lines.iter().all(|line| line.starts_with(&expected)), "{lines:?} is not {expected}…");
    ensure!(lines.windows(2).all(|two| two[0] == two[1]), "the programs disagree: {lines:?}");
    let (programs, pairs, ways) = (names.len(), pairs.len(), WAYS.len());
    Ok(format!("{programs} programs, each used in {ways} ways; three loop suites; {pairs} pairs"))
}

fn names(sources: &Path) -> Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(sources)? {
        let path = entry?.path();
        names.extend(path.file_stem().map(|name| name.to_string_lossy().into_owned()));
    }
    names.sort();
    ensure!(!names.is_empty(), "no program in {}", sources.display());
    Ok(names)
}

/// How the last line of a run that was left alone begins: counted without the programs.
fn expected(folder: &Path) -> Result<String> {
    let (mut files, mut bytes, mut folders) = (0, 0, vec![folder.to_owned()]);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
            } else {
                files += 1;
                bytes += path.metadata()?.len();
            }
        }
    }
    Ok(format!("{files} files, {bytes} bytes, "))
}

/// One run of one program, on a display of its own. Gives what it printed.
fn used(workspace: &Workspace, dir: &Path, program: &Path, way: Way) -> Result<String> {
    let display = Display::open(dir, SCREEN)?;
    let pause_ms = if way == Way::Left { "100" } else { STILL_MS };
    let started = on(&display, program).dir(&workspace.root).args([FOLDER, pause_ms]);
    let mut run = Run::start(started, dir)?;
    let window = run.alive(display.window(TITLE))?;
    if way != Way::Left {
        let before = seen(&display, RUNNING)?;
        until("a tick under the call", || Ok(display.look()?.differs(&before).then_some(())))?;
        ensure!(run.printed()?.is_empty(), "it printed before anything was done");
        match way {
            Way::Click => {
                let button = before.middle_of(CANCEL).context("there is no Cancel button")?;
                display.click(button)?;
            }
            Way::Key => display.key("c")?,
            Way::Close => {
                display.key("Escape")?;
                return ended(run, CANCELLED);
            }
            Way::Left => {}
        }
    }
    run.says("\n")?;
    let after = seen(&display, DONE)?;
    ensure!(after.count(TEXT) > 100, "no text is seen");
    until("a tick after the call", || Ok(display.look()?.differs(&after).then_some(())))?;
    if way == Way::Left {
        let name = program.file_name().unwrap_or_default().to_string_lossy();
        let kept = display.keep(&window, &format!("{name}.png"))?;
        ensure!(fs::metadata(&kept)?.len() < 20_000, "{} is large", kept.display());
    }
    display.key("Escape")?;
    let line = if way == Way::Left { run.printed()?.trim().to_owned() } else { CANCELLED.into() };
    ended(run, &line)
}

/// All that it printed must be this one line.
fn ended(run: Run, line: &str) -> Result<String> {
    let printed = run.ended()?;
    ensure!(printed.trim_end() == line, "it printed {printed:?}, and not {line:?}");
    Ok(line.to_owned())
}

/// A program whose window opens there.
fn on(display: &Display, program: &Path) -> Cmd {
    let program = Cmd::new(program).env("DISPLAY", &display.name);
    program.env_remove("WAYLAND_DISPLAY").env("LIBGL_ALWAYS_SOFTWARE", "1")
}

/// The screen, once most of the window has that colour.
fn seen(display: &Display, paper: Rgb) -> Result<Picture> {
    until(&format!("a window of the colour {paper:02x?}"), || {
        let picture = display.look()?;
        Ok((picture.count(paper) > LARGE).then_some(picture))
    })
}
