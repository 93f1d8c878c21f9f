//! The tour: make the work list, run it under each model, check that all agree, report.
//!
//! Whatever goes wrong with one path is said on one line of standard error and leaves
//! the others alone; an interruption ends the work early and still gets its report.

mod app;
pub(crate) mod chaos;
mod curve;
mod figures;
mod html;
mod ledger;
pub(crate) mod model;
mod output;
mod progress;
pub(crate) mod report;
pub(crate) mod rounds;
mod target;
pub(crate) mod units;
mod verdict;

#[cfg(test)]
mod tests;

use crate::cli::{EXIT_INTERRUPTED, EXIT_NOTHING_DONE, EXIT_OK, EXIT_SOME_FAILED, TourArgs};
use crate::client;
use crate::interrupt::Interrupt;
use crate::say;
use crate::service::{EventSystem, heartbeat};
use crate::work::digest;
use crate::work::names::shown;
use crate::work::walk::{Found, Note, Rules, walk};
use anyhow::{Context, Result};
use figures::Figures;
use ledger::{Ledger, Settled};
use model::{MODELS, Model};
use output::Outputs;
use progress::Progress;
use report::{Facts, Machine, Report, Settings};
use rounds::Rounds;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// Runs the tour and gives the exit code. An error means that nothing could be done.
pub(crate) fn run(args: &TourArgs) -> Result<u8> {
    let outputs = Outputs::new(args)?;
    outputs.try_write()?;
    let machine = Machine::now();
    let interrupt = Interrupt::install().context("cannot take over Ctrl-C")?;
    let mut found = list(args, &outputs, &interrupt);
    let files = Arc::new(std::mem::take(&mut found.files));
    if interrupt.is_set() {
        say("interrupted before the work began");
        return Ok(EXIT_INTERRUPTED);
    }
    if files.is_empty() {
        let paths: Vec<String> = args.paths.iter().map(|path| shown(path)).collect();
        say(&format!("nothing to do: no regular file in {}", paths.join(", ")));
        return Ok(EXIT_NOTHING_DONE);
    }
    let rounds = Rounds {
        models: models(args),
        rounds: args.rounds,
        chaos: args.chaos,
        files: Arc::clone(&files),
        interrupt: interrupt.clone(),
    };
    if !args.cold {
        warm_up(&rounds, !args.json);
    }
    let mut system = EventSystem::new().context("cannot start the event system")?;
    interrupt.wake_too(system.waker());
    let service = system.address()?.to_string();
    say(&format!("service at {service}: connect and say PING or STAT"));
    let (settled, figures, chaos) = work(&rounds, &mut system, !args.json)?;
    for note in &settled.failed {
        say(&format!("{}: {}", shown(&note.path), note.reason));
    }
    let failed = !settled.failed.is_empty() || !found.failed.is_empty();
    let facts = facts(args, &rounds, machine, service, found);
    let interrupted = facts.interrupted;
    let report = Report::new(facts, &settled, figures, chaos);
    let written = outputs.write(&report, &settled, &files);
    if interrupted {
        say("interrupted: this is what was done until then");
    }
    Ok(match (interrupted, failed || !written) {
        (true, _) => EXIT_INTERRUPTED,
        (false, true) => EXIT_SOME_FAILED,
        (false, false) => EXIT_OK,
    })
}

/// The models that were asked for, each once, in the order of asking.
fn models(args: &TourArgs) -> Vec<&'static Model> {
    let mut chosen: Vec<&'static Model> = Vec::new();
    for &index in &args.models {
        if !chosen.iter().any(|model| model.name == MODELS[index].name) {
            chosen.push(&MODELS[index]);
        }
    }
    if chosen.is_empty() {
        chosen.extend(MODELS);
    }
    chosen
}

/// Makes the work list and says what is not on it.
fn list(args: &TourArgs, outputs: &Outputs, interrupt: &Interrupt) -> Found {
    let rules = Rules { follow: args.follow, except: &outputs.own() };
    let found = walk(&args.paths, rules, &|| interrupt.is_set());
    for Note { path, reason } in &found.failed {
        say(&format!("{}: {reason}", shown(path)));
    }
    for Note { path, reason } in &found.skipped {
        say(&format!("skipped {}, {reason}", shown(path)));
    }
    if found.links > 0 {
        say(&format!(
            "symbolic links inside folders, not followed: {} (--follow follows them)",
            found.links
        ));
    }
    found
}

/// Reads every file once, so that no model pays the disk for the others. What cannot be
/// read is met again, and named, in the runs.
fn warm_up(rounds: &Rounds, visible: bool) {
    let progress = Progress::new(rounds.files.len() as u64, "files", visible);
    progress.label("reading all files once".to_owned());
    let done = progress.done();
    for file in rounds.files.iter() {
        if rounds.interrupt.is_set() {
            return;
        }
        let _ = digest::read(file, &|| rounds.interrupt.is_set(), |_| {});
        done.fetch_add(1, Ordering::Relaxed);
    }
}

fn work(
    rounds: &Rounds,
    system: &mut EventSystem,
    visible: bool,
) -> Result<(Settled, Vec<Figures>, Vec<chaos::Column>)> {
    let progress = Progress::new(rounds.reads(), "reads", visible);
    let ledger = Ledger::new(rounds.files.len());
    let (results, ledger) = rounds.run(system, &progress, ledger)?;
    let (chaos, results): (Vec<_>, Vec<_>) = results.into_iter().partition(|run| run.id.is_chaos());
    let columns = rounds.models.iter().filter(|_| rounds.chaos).map(|&model| {
        let run = chaos.iter().find(|run| run.id.model.name == model.name);
        chaos::Column::of(model, run)
    });
    let figures = rounds.models.iter();
    let figures = figures.filter_map(|model| Figures::of(model, &results));
    Ok((ledger.settle(&rounds.files), figures.collect(), columns.collect()))
}

fn facts(
    args: &TourArgs,
    rounds: &Rounds,
    machine: Machine,
    service: String,
    found: Found,
) -> Facts {
    let ns = |time: Duration| u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
    let names = rounds.models.iter().map(|model| model.name);
    Facts {
        machine,
        settings: Settings {
            rounds: args.rounds,
            cold: args.cold,
            chaos: args.chaos,
            follow: args.follow,
            calls_in_flight_max: app::WINDOW,
            threads_max: rounds::threads_max(),
            processes_max: rounds::processes_max(),
            worker_nice: rounds::WORKER_NICE,
            heartbeat_period_ns: ns(heartbeat::PERIOD),
            request_interval_ns: ns(client::INTERVAL),
        },
        service,
        order: rounds::order(&names.collect::<Vec<_>>(), args.rounds),
        interrupted: rounds.interrupt.is_set(),
        listed: rounds.files.len(),
        links_not_followed: found.links,
        failed_in_walk: found.failed,
        skipped: found.skipped,
    }
}

/// The files of the work list that have a digest, with it.
fn hashed<'a>(
    settled: &'a Settled,
    files: &'a [PathBuf],
) -> impl Iterator<Item = (&'a PathBuf, &'a crate::work::sums::Digest)> {
    settled.hashed.iter().map(|(index, digest)| (&files[*index], digest))
}
