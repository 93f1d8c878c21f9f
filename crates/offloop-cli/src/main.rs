//! The `offloop` command. `offloop tour` shows a stalled event loop, and the cure, on
//! the user's own files.
//!
//! The map: [`service`] is an event system as a user may have it, and names nothing of
//! offloop; [`work`] is the expensive call and its list of files; [`tour`] runs the one
//! under the other, with and without offloop; [`client`] measures from outside, in a
//! process of its own; [`calibrate`] measures what calls cost on this machine. On Linux the same program is also
//! the worker process, which runs [`functions`] and nothing else.
//!
//! The invariant: nothing is reported that was not measured, and no file counts whose
//! digest differed from one run to another.

mod calibrate;
mod cli;
mod client;
#[cfg(target_os = "linux")]
mod functions;
mod interrupt;
mod service;
mod tour;
mod work;

use clap::Parser;
use std::io::Write;
use std::process::ExitCode;

fn main() -> ExitCode {
    // A worker process is this program again, and comes no further than here.
    #[cfg(target_os = "linux")]
    offloop::worker::run_if_worker(&functions::functions());
    let result = match cli::Cli::parse().command {
        cli::Command::Tour(args) => tour::run(&args),
        cli::Command::Calibrate(args) => calibrate::run(&args),
        cli::Command::Weigh { executor } => calibrate::memory::run(executor),
        cli::Command::MeasuringClient { service } => client::run(service).map(|()| cli::EXIT_OK),
    };
    match result {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            say(&format!("{error:#}"));
            ExitCode::from(cli::EXIT_NOTHING_DONE)
        }
    }
}

/// Prints one line on standard error; when that is closed, there is nobody to tell.
fn say(line: &str) {
    let _ = writeln!(std::io::stderr(), "offloop: {line}");
}
