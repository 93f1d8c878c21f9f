//! The command line: what can be asked, and what the exit code answers.

use crate::calibrate::Place;
use crate::tour::model::MODELS;
use clap::builder::{OsStringValueParser, PossibleValue, PossibleValuesParser, TypedValueParser};
use clap::{Args, Parser, Subcommand};
use std::net::SocketAddr;
use std::path::PathBuf;

/// Every file has its digest, the same in every run.
pub(crate) const EXIT_OK: u8 = 0;
/// Some path has no digest, or a result could not be written.
pub(crate) const EXIT_SOME_FAILED: u8 = 1;
/// The request made no sense, or there was no file to hash.
pub(crate) const EXIT_NOTHING_DONE: u8 = 2;
/// Ctrl-C or a termination signal: what was done until then is reported.
pub(crate) const EXIT_INTERRUPTED: u8 = 130;

/// The command of the measuring client, which the program runs itself.
pub(crate) const CLIENT_COMMAND: &str = "measuring-client";
/// The command that weighs the calls of one executor, which the program runs itself.
pub(crate) const WEIGHING_COMMAND: &str = "weigh";

/// Takes expensive synchronous calls off the event loop you already have.
#[derive(Debug, Parser)]
#[command(name = "offloop", version, arg_required_else_help = true)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Shows the problem and the cure on your own files
    #[command(long_about = TOUR_ABOUT, after_long_help = TOUR_AFTER)]
    Tour(TourArgs),
    /// Measures what a call costs here, under each executor
    #[command(long_about = CALIBRATE_ABOUT)]
    Calibrate(CalibrateArgs),
    /// Prints how much memory a waiting call takes
    #[command(name = WEIGHING_COMMAND, hide = true)]
    Weigh { executor: Place },
    /// Measures a service from a process of its own
    #[command(name = CLIENT_COMMAND, hide = true)]
    MeasuringClient {
        /// Where the service listens.
        service: SocketAddr,
    },
}

const CALIBRATE_ABOUT: &str = "\
Measures what a call costs here, under each executor: inline, threads, cores, async (on a tokio \
runtime), and on Linux in a process of its own.

The table has, with medians and quartiles: the time from the submit of an empty call to the end of \
its handler, and how much of that the loop was busy with, from which comes the break-even length: from there on \
a call holds the loop for less time off it than on it; the time of a future that yields once \
(under async the empty call is ready at its first poll); context switches per call; what a payload \
adds for each MiB; the memory of a call that waits, and of a worker process.

Run a release build on a machine that is otherwise idle.";

/// What `offloop calibrate` takes.
#[derive(Debug, Args)]
pub(crate) struct CalibrateArgs {
    /// How often each executor has its turn
    #[arg(long, value_name = "N", default_value_t = 15,
          value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub(crate) rounds: u32,

    /// Print one JSON document instead of the table
    #[arg(long)]
    pub(crate) json: bool,
}

const TOUR_ABOUT: &str = "\
Shows the problem and the cure on your own files.

A small event system runs in one thread: a line service over TCP and a heartbeat each \
millisecond. Its work is to compute the SHA-256 of every file under PATH. The same work \
is done under several models, each in several rounds: called directly on the loop \
(inline), and taken off it by offloop (threads, cores, async, and on Linux in processes \
of their own). Meanwhile a client in a process of its own measures how long the service \
takes to answer.

The page at the end compares the models: how long the work took, how late the \
heartbeats were, how long requests waited.";

const TOUR_AFTER: &str = "\
The service: its address is printed at the start. Connect with any line client \
(nc 127.0.0.1 PORT) and say PING (it answers PONG) or STAT (one line of JSON).

The model async: each file is a future on a tokio runtime with a thread for each core. \
Files have no async I/O there: tokio hands each piece on to threads that it has for that, \
which costs time. So this row is not of fast reading: it shows the loop beside async \
calls, many of them under way without a thread each.

Fairness: all files are read once before the first run, unless --cold is given; the \
order of the models rotates from round to round; requests are measured from the time \
at which they should have been sent; a late heartbeat counts once for each period.

Symbolic links: a PATH that is one is followed. Inside folders they are not followed, \
neither to files nor to folders, unless --follow is given. Those that lead to nothing \
or back to themselves are named and skipped, with --follow too; but a PATH that does so \
has failed. Named pipes, sockets and devices are named and never opened.

Chaos: with --chaos the same list is gone through once more under each model that \
survives it, and every 50th call crashes, hangs or eats memory, in turn. A second table says \
what was lost. What a model does not survive is not run, and named.

Digests: a file counts only when every run found the same digest. One that changed, \
vanished or could not be read is named, and left out of the digests. Check with: \
sha256sum -c FILE

Exit codes:
  0    every file was hashed, with the same digest in every run
  1    some paths failed (each is named), or a result could not be written
  2    bad usage, or nothing to do: no file was found
  130  interrupted by Ctrl-C or a termination signal; what was done is reported";

/// What `offloop tour` takes.
#[derive(Debug, Args)]
pub(crate) struct TourArgs {
    /// Files and folders to hash
    #[arg(value_name = "PATH", default_value = ".",
          value_parser = path_parser("give the name of a file or a folder"))]
    pub(crate) paths: Vec<PathBuf>,

    /// Run this model only (may be repeated) [default: all]
    #[arg(long = "model", value_name = "MODEL", value_parser = model_parser())]
    pub(crate) models: Vec<usize>,

    /// How often each model runs
    #[arg(long, value_name = "N", default_value_t = 3,
          value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub(crate) rounds: u32,

    /// Go through the list once more, with every 50th call crashing, hanging or eating memory
    #[arg(long)]
    pub(crate) chaos: bool,

    /// Do not read the files before the first run
    #[arg(long)]
    pub(crate) cold: bool,

    /// Follow symbolic links inside folders
    #[arg(long, short = 'L')]
    pub(crate) follow: bool,

    /// Print one JSON document instead of the table
    #[arg(long)]
    pub(crate) json: bool,

    /// Write the digests as `sha256sum` does; `-` is standard output, and moves the
    /// table to standard error
    #[arg(long, value_name = "FILE", value_parser = path_parser("give the name of a file"))]
    pub(crate) digests: Option<PathBuf>,

    /// Write a page with the curves of lateness: one HTML file that needs no network
    #[arg(long, value_name = "FILE", value_parser = path_parser("give the name of a file"))]
    pub(crate) report: Option<PathBuf>,
}

/// Accepts any path but the empty one, which is mostly an unset variable of a script.
/// The parser that clap has for paths takes it for a missing argument.
fn path_parser(remedy: &'static str) -> impl TypedValueParser<Value = PathBuf> {
    OsStringValueParser::new().try_map(move |text| match text.is_empty() {
        true => Err(format!("the path is empty; {remedy}")),
        false => Ok(PathBuf::from(text)),
    })
}

/// Accepts the names in [`MODELS`] and gives the place in it.
fn model_parser() -> impl TypedValueParser<Value = usize> {
    let values = MODELS.iter().map(|model| PossibleValue::new(model.name).help(model.about));
    PossibleValuesParser::new(values)
        .map(|name| MODELS.iter().position(|model| model.name == name).unwrap_or_default())
}
