//! What a call costs beside time: wakes, sleeps, allocations, system calls, and memory while it
//! waits.
//!
//! Invariant: counted in runs of the timed cases' own blocks, apart from the timed ones, so that
//! counting slows nothing that is timed.

pub(crate) mod strace;

use anyhow::{Context, Result};
use rustix::thread::CpuSet;
use serde::Serialize;

use crate::alloc;
use crate::cases::{CASES, Case, Scale};
use crate::machine::{self, Placement};
use crate::progress;
use crate::rivals::{CONTENDERS, Contender, Kind};
use crate::side::Side;

/// The cases whose calls are counted.
const COUNTED: &[&str] = &["round-trip", "round-trip-5ms", "pipelined", "burst"];

/// Calls that wait while their memory is measured.
const WAITING: u64 = 10_000;

/// Per call, over one block of a case.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct PerCall {
    pub(crate) side: &'static str,
    pub(crate) case: &'static str,
    pub(crate) wakes: f64,
    /// Threads that went to sleep by themselves, the loop's included.
    pub(crate) sleeps: f64,
    pub(crate) allocations: f64,
    /// Of all threads; `None` where `strace` is not installed or may not trace.
    pub(crate) system_calls: Option<f64>,
}

/// Bytes on the heap for each call that waits for a worker.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Waiting {
    pub(crate) side: &'static str,
    pub(crate) bytes: f64,
}

#[derive(Debug, Clone, Default, Serialize)]
pub(crate) struct Counts {
    pub(crate) per_call: Vec<PerCall>,
    pub(crate) waiting: Vec<Waiting>,
}

/// Counts for offloop and its rivals, under one placement.
pub(crate) fn count(placement: Placement, workers: usize, scale: Scale) -> Result<Counts> {
    let everywhere = machine::cpus()?;
    let mut counts = Counts::default();
    for contender in CONTENDERS.iter().filter(|c| matches!(c.kind, Kind::Offloop | Kind::Rival)) {
        for name in COUNTED {
            progress::show(format_args!("counting: {} {name}", contender.name));
            counts.per_call.push(per_call(
                contender,
                case(name)?,
                placement,
                &everywhere,
                workers,
                scale,
            )?);
        }
        let mut side = Side::new(contender, workers)?;
        side.begin(placement)?;
        counts.waiting.push(Waiting { side: side.name, bytes: waiting_bytes(&mut side)? });
    }
    placement.release(&everywhere)?;
    Ok(counts)
}

pub(crate) fn case(name: &str) -> Result<&'static dyn Case> {
    let found = CASES.iter().find(|case| case.name() == name);
    found.copied().with_context(|| format!("there is no case `{name}`"))
}

fn per_call(
    contender: &Contender,
    case: &'static dyn Case,
    placement: Placement,
    everywhere: &CpuSet,
    workers: usize,
    scale: Scale,
) -> Result<PerCall> {
    // The traced program sees the CPUs that this thread may use.
    placement.release(everywhere)?;
    let system_calls = strace::per_call(contender, case, placement, workers, scale)?;
    placement.prepare(everywhere)?;
    let mut side = Side::new(contender, workers)?;
    side.begin(placement)?;
    case.block(&mut side, scale)?;
    let (calls, wakes, idles) = (side.submitted(), side.wakes(), side.idles());
    let sleeps = machine::sleeps();
    let (took, allocated) = alloc::counted(|| case.block(&mut side, scale));
    took?;
    let calls = side.submitted() - calls;
    let sleeps = (machine::sleeps() - sleeps).saturating_sub(side.idles() - idles);
    Ok(PerCall {
        side: side.name,
        case: case.name(),
        wakes: share(side.wakes() - wakes, calls),
        sleeps: share(sleeps, calls),
        allocations: share(allocated.times, calls),
        system_calls,
    })
}

/// With every worker held, so that all of these calls wait.
fn waiting_bytes(side: &mut Side) -> Result<f64> {
    let gate = side.hold_all()?;
    let ((), allocated) = alloc::counted(|| side.submit(WAITING));
    gate.open();
    side.drain()?;
    Ok(share(u64::try_from(allocated.live_bytes).unwrap_or(0), WAITING))
}

#[expect(clippy::cast_precision_loss, reason = "counts of a block are far below 2^52")]
fn share(count: u64, calls: u64) -> f64 {
    count as f64 / calls as f64
}
