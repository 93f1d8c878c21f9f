//! The project's own commands: one word selects one, the rest are its arguments.
//!
//! Invariant: a command that could not check something says so in words; it never
//! passes in silence.

mod ci;
mod cmd;
mod conversions;
mod platform;
mod tidy;
mod workspace;

use std::process::ExitCode;

use anyhow::{Result, bail};

use crate::workspace::Workspace;

/// One command of `cargo xtask`.
struct Command {
    name: &'static str,
    what: &'static str,
    run: fn(&Workspace, &[String]) -> Result<()>,
}

const COMMANDS: &[Command] = &[
    Command {
        name: "ci",
        what: "[STAGE...] all that CI runs, or only the named stages; `--list` names them",
        run: ci::command,
    },
    Command { name: "tidy", what: "the house rules (also a stage of ci)", run: tidy::command },
    Command {
        name: "convert",
        what: "makes the guide's page of conversions anew, from the programs",
        run: tidy::convert,
    },
    Command {
        name: "stress",
        what: "the stress test with 1 000 000 calls, in release",
        run: platform::stress::command,
    },
    Command {
        name: "chaos",
        what: "[--calls N] [--seed N] worker processes in chaos, 1 000 000 calls, in release",
        run: platform::chaos::command,
    },
    Command {
        name: "tsan",
        what: "the library's tests under ThreadSanitizer, std instrumented too",
        run: platform::sanitize::tsan,
    },
    Command {
        name: "asan",
        what: "the library's tests under AddressSanitizer",
        run: platform::sanitize::asan,
    },
    Command {
        name: "fuzz",
        what: "[--seconds N] [TARGET...] | --seeds: the fuzz targets, under AddressSanitizer where it is installed",
        run: platform::fuzz::command,
    },
    Command {
        name: "targets",
        what: "[TARGET...] other platforms: checked, and run where an emulator is installed",
        run: platform::targets::command,
    },
];

fn main() -> ExitCode {
    match dispatch() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn dispatch() -> Result<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let Some((name, rest)) = args.split_first() else {
        print_usage();
        bail!("no command was given");
    };
    if matches!(name.as_str(), "help" | "--help" | "-h") {
        print_usage();
        return Ok(());
    }
    let Some(command) = COMMANDS.iter().find(|command| command.name == name) else {
        print_usage();
        bail!("there is no command `{name}`");
    };
    let workspace = Workspace::load()?;
    (command.run)(&workspace, rest)
}

fn print_usage() {
    println!("usage: cargo xtask COMMAND\n");
    for command in COMMANDS {
        println!("  {:<8} {}", command.name, command.what);
    }
}
