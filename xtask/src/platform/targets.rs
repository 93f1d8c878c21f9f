//! Other platforms: what compiles for each, and runs where an emulator is installed.
//!
//! Invariant: the table at the end has a line for every target, and a skipped one says
//! why.

use std::path::Path;

use anyhow::{Result, bail};

use super::toolchain::Debian;
use super::wine;
use crate::cmd::Cmd;
use crate::workspace::Workspace;

/// How far a target can be taken on a Linux machine.
#[derive(Clone, Copy)]
enum Reach {
    /// No package brings both its linker and an emulator.
    Check,
    /// Tests run under wine.
    Wine,
    /// Tests run under this user-mode emulator, linked by this compiler.
    Qemu { emulator: &'static str, linker: &'static str },
}

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

const PACKAGES: &[&str] = &["--package", "offloop", "--package", "offloop-mio"];
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
    Passed(&'static str, usize),
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
        let cargo = debian.cargo(workspace, "targets");
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
    let (tool, runner) = match runner(workspace, target, reach) {
        Ok(found) => found,
        Err(reason) => return Ran::Skipped(reason),
    };
    let runner = runner(debian.cargo(workspace, "targets"));
    let outcome = runner.and_then(|cargo| {
        cargo.args(["test", "-Zbuild-std", "--target", target]).args(TESTS).stdout_shown()
    });
    match outcome.map(|output| passed(&output)) {
        Ok(0) => Ran::Skipped("there is no test".to_owned()),
        Ok(count) => Ran::Passed(tool, count),
        Err(error) => Ran::Failed(error),
    }
}

/// The sum of `12 passed` over all of libtest's closing lines.
fn passed(output: &str) -> usize {
    let closing = output.lines().filter_map(|line| line.strip_prefix("test result: ok. "));
    closing.filter_map(|line| line.split(' ').next()?.parse::<usize>().ok()).sum()
}

/// What makes cargo run a target's programs, set on a command.
type Runner<'a> = Box<dyn FnOnce(Cmd) -> Result<Cmd> + 'a>;

/// How the target's programs are run, or the reason why they can't be.
fn runner<'a>(
    workspace: &'a Workspace,
    target: &'a str,
    reach: Reach,
) -> Result<(&'static str, Runner<'a>), String> {
    let key = target.to_uppercase().replace('-', "_");
    match reach {
        Reach::Check => Err("nothing on Linux links and runs it".to_owned()),
        Reach::Wine => {
            let missing = "not installed: apt-get install wine64 gcc-mingw-w64-x86-64";
            let wine = wine::find().ok_or(missing)?;
            let set = move |cmd: Cmd| {
                let target_dir = workspace.target.join("build-std/targets");
                let programs = target_dir.join(target).join("debug/deps");
                wine::supply_library(&programs)?;
                let prefix = workspace.scratch("wine")?;
                Ok(cmd
                    .env("WINEPREFIX", prefix)
                    .env("WINEDEBUG", "-all")
                    .env(&format!("CARGO_TARGET_{key}_RUNNER"), wine))
            };
            Ok(("wine", Box::new(set)))
        }
        Reach::Qemu { emulator, linker } => {
            let installed = |name: &str| Path::new("/usr/bin").join(name).exists();
            if !installed(emulator) || !installed(linker) {
                return Err(
                    "not installed: apt-get install qemu-user gcc-aarch64-linux-gnu".to_owned()
                );
            }
            let run = format!("{emulator} -L /usr/aarch64-linux-gnu");
            let set = move |cmd: Cmd| {
                Ok(cmd
                    .env(&format!("CARGO_TARGET_{key}_LINKER"), linker)
                    .env(&format!("CARGO_TARGET_{key}_RUNNER"), run))
            };
            Ok((emulator, Box::new(set)))
        }
    }
}

fn summarize(lines: &[Line]) -> Result<()> {
    println!("\n{:<28} {:<8} tests", "target", "checked");
    let mut failed = Vec::new();
    for line in lines {
        let checked = if line.checked.is_ok() { "yes" } else { "FAILED" };
        let ran = match &line.ran {
            Ran::Passed(tool, count) => format!("{count} passed under {tool}"),
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
