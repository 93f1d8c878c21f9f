//! Other platforms: what compiles for each, and runs where an emulator is installed.
//!
//! Invariant: the table at the end has a line for every target, and a skipped one says
//! why.

use anyhow::{Result, bail};

use super::COMPILES;
use super::emulator::{self, Emulator, Reach, TARGET_DIR};
use super::toolchain::Debian;
use crate::workspace::Workspace;

const TARGETS: &[(&str, Reach)] = &[
    ("x86_64-pc-windows-gnu", Reach::Wine),
    ("x86_64-pc-windows-msvc", Reach::Check),
    ("aarch64-apple-darwin", Reach::Check),
    ("aarch64-apple-ios", Reach::Check),
    ("x86_64-unknown-freebsd", Reach::Check),
    ("aarch64-linux-android", Reach::Check),
    ("x86_64-unknown-linux-musl", Reach::Check),
    (
        "aarch64-unknown-linux-gnu",
        Reach::Qemu { emulator: "qemu-aarch64", linker: "aarch64-linux-gnu-gcc" },
    ),
];

const PACKAGES: &[&str] = &[
    "--package",
    "offloop",
    "--package",
    "offloop-testkit",
    "--package",
    "offloop-mio",
    "--package",
    "offloop-polling",
];
/// Denies them in the workspace's own crates; `RUSTFLAGS` would rebuild std.
const DENY_WARNINGS: &[&str] = &["-Zwarnings", "--config", "build.warnings='deny'"];
const TESTS: &[&str] = &["--package", "offloop", "--lib", "--tests", "--no-fail-fast"];

/// What is known of one target.
struct Line {
    target: &'static str,
    checked: Result<()>,
    ran: Ran,
}

/// What became of a target's tests.
enum Ran {
    Passed(Emulator, usize),
    Failed(anyhow::Error),
    Skipped(String),
}

pub(crate) fn command(workspace: &Workspace, args: &[String]) -> Result<()> {
    let wanted: Vec<_> = TARGETS
        .iter()
        .filter(|(name, _)| args.is_empty() || args.iter().any(|arg| arg == name))
        .collect();
    if wanted.is_empty() {
        bail!("none of these targets is known: {}", args.join(", "));
    }
    let debian = Debian::find(workspace)?;
    let mut lines = Vec::new();
    for (target, reach) in wanted {
        eprintln!("\n== {target}");
        let cargo = debian.cargo(workspace, TARGET_DIR);
        let checked = cargo
            .args(["check", "-Zbuild-std", "--target", target])
            .args(DENY_WARNINGS)
            .args(PACKAGES)
            .run();
        let ran = run_tests(workspace, &debian, target, *reach);
        lines.push(Line { target, checked, ran });
    }
    summarize(&lines)
}

fn run_tests(workspace: &Workspace, debian: &Debian, target: &str, reach: Reach) -> Ran {
    let emulator = match emulator::find(workspace, target, reach) {
        Ok(emulator) => emulator,
        Err(reason) => return Ran::Skipped(format!("{reason:#}")),
    };
    let cargo = debian.cargo(workspace, TARGET_DIR);
    let test = cargo.args(["test", "-Zbuild-std", "--target", target]).args(TESTS);
    let skip = emulator.skipped.iter().flat_map(|test| ["--skip", test]);
    let outcome = emulator.set_on(test).args(["--", "--skip", COMPILES]).args(skip).stdout_shown();
    match outcome.map(|output| passed(&output)) {
        Ok(0) => Ran::Skipped("there is no test".to_owned()),
        Ok(count) => Ran::Passed(emulator, count),
        Err(error) => Ran::Failed(error),
    }
}

/// The sum of `12 passed` over all of libtest's closing lines.
fn passed(output: &str) -> usize {
    let closing = output.lines().filter_map(|line| line.strip_prefix("test result: ok. "));
    closing.filter_map(|line| line.split(' ').next()?.parse::<usize>().ok()).sum()
}

fn summarize(lines: &[Line]) -> Result<()> {
    println!("\n{:<28} {:<8} tests", "target", "checked");
    let mut failed = Vec::new();
    for line in lines {
        let checked = if line.checked.is_ok() { "yes" } else { "FAILED" };
        let ran = match &line.ran {
            Ran::Passed(emulator, count) => format!("{count} passed {emulator}"),
            Ran::Failed(error) => format!("FAILED: {error:#}"),
            Ran::Skipped(reason) => format!("skipped: {reason}"),
        };
        println!("{:<28} {checked:<8} {ran}", line.target);
        if line.checked.is_err() || matches!(line.ran, Ran::Failed(_)) {
            failed.push(line.target);
        }
    }
    if failed.is_empty() {
        return Ok(());
    }
    bail!("failed: {}", failed.join(", "))
}
