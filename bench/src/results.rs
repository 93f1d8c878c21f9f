//! The raw data of a run, as JSON. Invariant: every figure of the tables can be worked out again
//! from the file alone.

use std::fs;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result};
use serde::Serialize;

use crate::cases::Scale;
use crate::counts::Counts;
use crate::machine::Machine;
use crate::process::Found;
use crate::run::{Measured, Plan};

/// Where the data of a run goes that has calls in this process; those in worker processes may
/// stand beside them.
pub(crate) const LATEST: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/results/latest.json");

/// Where that of worker processes alone goes.
pub(crate) const PROCESS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/results/process.json");

#[derive(Debug, Serialize)]
pub(crate) struct Run {
    machine: Machine,
    /// Seconds since 1970.
    finished_at_s: u64,
    seed: u64,
    blocks: u64,
    workers: usize,
    quick: bool,
    measured: Vec<Measured>,
    counts: Option<Counts>,
    process: Option<Found>,
}

impl Run {
    pub(crate) fn new(
        machine: Machine,
        plan: &Plan,
        mut measured: Vec<Measured>,
        counts: Option<Counts>,
        mut process: Option<Found>,
    ) -> Self {
        let in_processes = process.iter_mut().flat_map(|found| &mut found.measured);
        let all = measured.iter_mut().chain(in_processes);
        for ns in all.flat_map(|m| &mut m.sides).flat_map(|side| &mut side.ns) {
            // Below a hundredth of a nanosecond there is no information, only digits.
            *ns = (*ns * 100.0).round() / 100.0;
        }
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self {
            machine,
            finished_at_s: since.as_secs(),
            seed: plan.seed,
            blocks: plan.blocks,
            workers: plan.workers,
            quick: plan.scale == Scale::Quick,
            measured,
            counts,
            process,
        }
    }

    pub(crate) fn write(&self, path: &Path) -> Result<()> {
        let what = || format!("could not write the raw data to {}", path.display());
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).with_context(what)?;
        }
        let text = serde_json::to_string(self)?;
        fs::write(path, text + "\n").with_context(what)
    }
}
