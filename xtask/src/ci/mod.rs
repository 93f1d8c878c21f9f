//! What CI runs: stages in one table, in the order in which they run.
//!
//! Invariant: the table is the only list of stages; the command line, `--list` and the
//! closing summary are made from it. No stage runs without end.

mod bench;
mod bevy;
mod c;
mod clients;
mod convert;
mod display;
mod examples;
mod fuzz;
mod glib;
mod msrv;
mod packages;
mod pixels;
mod report;
mod screen;
mod sdl;
mod stages;
mod terminal;
mod watch;
mod windows;

#[cfg(test)]
mod tests;

use std::time::{Duration, Instant};

use anyhow::{Result, bail};

use crate::workspace::Workspace;

/// What a stage has to say beside having passed: what it counted, or did not check.
pub(crate) type Note = String;

/// One step of CI, which can also be run alone.
pub(crate) struct Stage {
    pub(crate) name: &'static str,
    /// Typical minutes on two cores with an empty target directory.
    pub(crate) minutes: f32,
    pub(crate) what: &'static str,
    pub(crate) run: fn(&Workspace) -> Result<Note>,
}

impl Stage {
    /// Far more than it takes on a slow machine: it only ends what hangs.
    fn limit(&self) -> Duration {
        Duration::from_secs(15 * 60) + Duration::from_secs_f32(60.0 * self.minutes) * 4
    }
}

/// Cheap stages first, so that the commonest mistakes are told within seconds.
const STAGES: &[Stage] = &[
    Stage { name: "tidy", minutes: 0.1, what: "the house rules", run: stages::tidy },
    Stage { name: "fmt", minutes: 0.1, what: "rustfmt changes nothing", run: stages::fmt },
    Stage {
        name: "lint",
        minutes: 1.7,
        what: "clippy without warnings, each feature alone too",
        run: stages::lint,
    },
    Stage {
        name: "msrv",
        minutes: 0.3,
        what: "nothing newer than the manifest's rust-version is used",
        run: msrv::run,
    },
    Stage {
        name: "docs",
        minutes: 0.5,
        what: "rustdoc without warnings, private items too",
        run: stages::docs,
    },
    Stage {
        name: "test",
        minutes: 7.4,
        what: "all tests of the workspace, doctests included",
        run: stages::test,
    },
    Stage {
        name: "examples",
        minutes: 0.8,
        what: "every program in examples/ runs and succeeds",
        run: examples::run,
    },
    Stage {
        name: "terminal",
        minutes: 0.6,
        what: "the programs with a frame in the terminal, their keys pressed by tmux",
        run: terminal::run,
    },
    Stage {
        name: "bevy",
        minutes: 1.2,
        what: "the adapter for Bevy, with its tests and its example",
        run: bevy::run,
    },
    Stage {
        name: "bench",
        minutes: 1.3,
        what: "the bench builds and every side of it runs; no figure is judged",
        run: bench::run,
    },
    Stage {
        name: "c",
        minutes: 1.7,
        what: "the ABI for C, and programs on the loops that C, C++ and Python have",
        run: c::run,
    },
    Stage {
        name: "fuzz",
        minutes: 2.2,
        what: "what is read of another process, over seeds and some seconds of new inputs",
        run: fuzz::run,
    },
    Stage {
        name: "clients",
        minutes: 1.1,
        what: "real clients as async calls: SQL through sqlx, HTTP through reqwest",
        run: clients::run,
    },
    Stage {
        name: "report",
        minutes: 0.5,
        what: "the tour's page in a headless browser, in light and in dark",
        run: report::run,
    },
    Stage {
        name: "windows",
        minutes: 4.3,
        what: "the programs with a window, clicked and typed at on a display that nobody sees",
        run: windows::run,
    },
    Stage {
        name: "glib",
        minutes: 2.8,
        what: "GLib's main loop, and a GTK window that is cancelled by a click",
        run: glib::run,
    },
    Stage {
        name: "sdl",
        minutes: 0.7,
        what: "SDL's event queue, and a window that is cancelled by a key",
        run: sdl::run,
    },
    Stage {
        name: "pipe",
        minutes: 3.7,
        what: "the library's tests on the pipe that macOS and the BSDs wake by",
        run: stages::pipe,
    },
    Stage {
        name: "stress",
        minutes: 1.1,
        what: "a million calls against a ledger, in release",
        run: stages::stress,
    },
    Stage {
        name: "chaos",
        minutes: 1.3,
        what: "20 000 calls in worker processes that crash, hang and are killed, in release",
        run: stages::chaos,
    },
    Stage {
        name: "sim",
        minutes: 1.6,
        what: "100 000 random programs under the simulation, in release",
        run: stages::sim,
    },
    Stage {
        name: "loom",
        minutes: 1.4,
        what: "loom models of the atomic protocols",
        run: stages::loom,
    },
    Stage {
        name: "miri",
        minutes: 0.1,
        what: "the library's unit tests under Miri, where it is installed",
        run: stages::miri,
    },
];

/// What became of one stage.
struct Report {
    name: &'static str,
    took: Duration,
    outcome: Result<Note>,
}

pub(crate) fn command(workspace: &Workspace, args: &[String]) -> Result<()> {
    if args.iter().any(|arg| arg == "--list") {
        print_list();
        return Ok(());
    }
    let mut reports = Vec::new();
    for stage in select(args)? {
        eprintln!("\n== {}: {}", stage.name, stage.what);
        let started = Instant::now();
        let end = || watch::end_below(std::process::id());
        let outcome = watch::within(stage.limit(), end, || (stage.run)(workspace));
        let failed = outcome.is_err();
        reports.push(Report { name: stage.name, took: started.elapsed(), outcome });
        if failed {
            break;
        }
    }
    summarize(&reports)
}

/// The named stages in the order of the table, or all of them.
fn select(names: &[String]) -> Result<Vec<&'static Stage>> {
    if let Some(unknown) = names.iter().find(|name| STAGES.iter().all(|stage| stage.name != **name))
    {
        let known: Vec<_> = STAGES.iter().map(|stage| stage.name).collect();
        bail!("there is no stage `{unknown}`; there are: {}", known.join(", "));
    }
    let wanted = |stage: &&Stage| names.is_empty() || names.iter().any(|name| name == stage.name);
    Ok(STAGES.iter().filter(wanted).collect())
}

fn print_list() {
    println!("{:<9} {:>7}  what", "stage", "minutes");
    for stage in STAGES {
        println!("{:<9} {:>7.1}  {}", stage.name, stage.minutes, stage.what);
    }
    let total: f32 = STAGES.iter().map(|stage| stage.minutes).sum();
    println!("{:<9} {total:>7.1}", "all");
}

fn summarize(reports: &[Report]) -> Result<()> {
    println!("\nci summary");
    let mut failure = None;
    for report in reports {
        let took_s = report.took.as_secs_f64();
        let (word, note) = match &report.outcome {
            Ok(note) => ("ok", note.as_str()),
            Err(_) => ("FAILED", ""),
        };
        let line = format!("  {:<9} {word:<6} {took_s:>7.1} s  {note}", report.name);
        println!("{}", line.trim_end());
        if let Err(error) = &report.outcome {
            failure = Some((report.name, error));
        }
    }
    match failure {
        Some((name, error)) => bail!("stage `{name}` failed: {error:#}"),
        None => Ok(()),
    }
}
