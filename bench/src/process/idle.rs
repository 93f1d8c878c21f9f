//! What workers use while nobody calls them.
//!
//! Invariant: counted by the kernel, per thread and to the nanosecond, over all processes of a side
//! and all of this program's threads but the loop's; the side is alone while it is counted.

use std::thread;
use std::time::{Duration, Instant};

use anyhow::Result;
use rustix::process::getpid;
use rustix::thread::gettid;
use serde::Serialize;

use super::cases::Work;
use super::sides::{Contender, Site};
use super::{Entered, Plan};
use crate::machine;
use crate::progress;
use crate::rivals::Kind;
use crate::tree::{self, Used};

/// Until what follows a call has ended: threads that fall asleep, workers kept awake for the next.
const SETTLE: Duration = Duration::from_millis(500);

const WATCH: Duration = Duration::from_secs(4);
const WATCH_QUICK: Duration = Duration::from_millis(100);

/// Of one side, per second.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Idle {
    pub(crate) side: &'static str,
    /// Workers, and what else the side has started.
    pub(crate) processes: usize,
    pub(crate) cpu_ns: f64,
    pub(crate) sleeps: f64,
}

pub(super) fn measure(plan: &Plan, present: &[&Contender]) -> Result<Vec<Idle>> {
    let everywhere = machine::cpus()?;
    let (placement, work) = (plan.placements[0], Work::Calls { in_flight: 1 });
    let mut idle = Vec::new();
    for side in present.iter().filter(|side| matches!(side.kind, Kind::Offloop | Kind::Rival)) {
        progress::show(format_args!("idle: {}", side.name));
        placement.prepare(&everywhere)?;
        let site = Site { placement, work, workers: plan.workers, python: &plan.python };
        let mut entered = Entered::new(side, &site, 1)?;
        entered.settle();
        entered.block(100)?;
        idle.push(watch(&entered, if plan.quick { WATCH_QUICK } else { WATCH }));
    }
    placement.release(&everywhere)?;
    Ok(idle)
}

fn watch(entered: &Entered, time: Duration) -> Idle {
    thread::sleep(SETTLE);
    let (began, before) = (Instant::now(), used());
    thread::sleep(time);
    let used = used().since(before);
    let seconds = began.elapsed().as_secs_f64();
    Idle {
        side: entered.name,
        processes: tree::descendants().len(),
        cpu_ns: per(used.cpu_ns, seconds),
        sleeps: per(used.sleeps, seconds),
    }
}

/// By all that a side can have here.
fn used() -> Used {
    let (me, this_thread) = (getpid(), gettid());
    let processes = [vec![me], tree::descendants()].concat();
    let mut sum = Used::default();
    for process in processes {
        for thread in tree::threads(process).into_iter().filter(|thread| *thread != this_thread) {
            sum.add(Used::by(process, thread));
        }
    }
    sum
}

#[expect(clippy::cast_precision_loss, reason = "counts of a few seconds are far below 2^52")]
fn per(count: u64, seconds: f64) -> f64 {
    count as f64 / seconds
}
