//! `offloop calibrate`: what a call costs under each executor, on this machine and now.
//!
//! Invariant: every figure comes with its spread, and one that was not measured is shown as such.
//! The executors take turns in each round, so that what disturbs the machine meets all of them.

mod measure;
pub(crate) mod memory;
mod report;
mod spread;

#[cfg(test)]
mod tests;

pub(crate) use measure::Place;
#[cfg(target_os = "linux")]
pub(crate) use measure::{echo, echo_shared, nothing, usage};
#[cfg(target_os = "linux")]
pub(crate) use memory::wait;

use crate::cli::{CalibrateArgs, EXIT_OK};
use crate::interrupt::Interrupt;
use crate::say;
use anyhow::{Context, Result};
use measure::Bench;
use report::{Column, Report};
use std::io::Write;

/// Measures, and prints the table or the document.
pub(crate) fn run(args: &CalibrateArgs) -> Result<u8> {
    let interrupt = Interrupt::install().context("cannot take over Ctrl-C")?;
    let mut report = Report::new(args.rounds);
    let mut bench = Bench::new()?;
    let mut columns: Vec<Column> = Place::ALL.iter().map(|&place| Column::new(place)).collect();
    for column in &mut columns {
        bench.warm_up(column)?;
    }
    for _ in 0..args.rounds {
        for column in &mut columns {
            if interrupt.is_set() {
                say("interrupted before there were enough figures");
                return Ok(crate::cli::EXIT_INTERRUPTED);
            }
            bench.round(column)?;
        }
    }
    bench.end();
    for column in &mut columns {
        column.memory_per_call_bytes = memory::of_a_waiting_call(column.place);
    }
    report.executors = columns;
    let text = if args.json { report.json()? } else { report.page() };
    std::io::stdout().lock().write_all(text.as_bytes()).context("the table cannot be written")?;
    Ok(EXIT_OK)
}
