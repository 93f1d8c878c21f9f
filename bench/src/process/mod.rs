//! Calls in worker processes: offloop against its rivals and the machine's floors.
//!
//! Invariant: a case is a line in [`CASES`], a side a line in [`SIDES`], and neither the rounds nor
//! the tables know either by name.

mod cases;
mod child;
mod functions;
mod idle;
mod sides;

use anyhow::{Context, Result};
use fastrand::Rng;
use serde::Serialize;

pub(crate) use self::cases::CASES;
use self::cases::{Case, Work};
pub(crate) use self::child::become_child;
pub(crate) use self::idle::Idle;
use self::sides::{Contender, SIDES, Side, Site};
use crate::machine::{self, Placement};
use crate::rivals::Kind;
use crate::run::{Entrant, Measured, Rounds};

/// The word of `--case` that stands for what idle workers use.
pub(crate) const IDLE: &str = "idle";

/// The name of offloop's own side, and of the control.
const PROCESS: &str = "offloop process";
const CONTROL: &str = "offloop again";

/// In the place of a time that was not measured; where calls failed, no figure is shown.
const NO_FIGURE: f64 = 1.0;

/// What to run.
pub(crate) struct Plan {
    pub(crate) cases: Vec<&'static Case>,
    pub(crate) idle: bool,
    /// The sides that may take part; none: all of them.
    pub(crate) sides: Vec<String>,
    pub(crate) placements: Vec<Placement>,
    pub(crate) blocks: u64,
    pub(crate) workers: usize,
    pub(crate) quick: bool,
    pub(crate) seed: u64,
    /// The Python that runs its pools.
    pub(crate) python: String,
}

/// What a run has found.
#[derive(Debug, Serialize)]
pub(crate) struct Found {
    pub(crate) measured: Vec<Measured>,
    pub(crate) idle: Vec<Idle>,
    /// Sides that did not take part, and why.
    pub(crate) missing: Vec<(&'static str, String)>,
}

/// The sides that may appear in a table, in its order.
pub(crate) fn lineup() -> Vec<(&'static str, Kind)> {
    SIDES.iter().map(|side| (side.name, side.kind)).collect()
}

pub(crate) fn run(plan: &Plan) -> Result<Found> {
    let (mut present, mut missing) = (Vec::new(), Vec::new());
    let wanted = |name: &str| plan.sides.is_empty() || plan.sides.iter().any(|side| side == name);
    for contender in SIDES.iter().filter(|contender| wanted(contender.name)) {
        match (contender.available)(&plan.python) {
            Ok(()) => present.push(contender),
            Err(why) => missing.push((contender.name, why)),
        }
    }
    let measured = cases(plan, &present)?;
    let idle = match plan.idle {
        true => idle::measure(plan, &present)?,
        false => Vec::new(),
    };
    Ok(Found { measured, idle, missing })
}

fn cases(plan: &Plan, present: &[&'static Contender]) -> Result<Vec<Measured>> {
    let everywhere = machine::cpus()?;
    let mut rng = Rng::with_seed(plan.seed);
    let mut measured = Vec::new();
    for &placement in &plan.placements {
        for case in &plan.cases {
            let (work, calls) = (case.work(plan.quick), case.calls(plan.quick));
            let blocks = case.blocks(plan.blocks);
            let rounds = Rounds { case: case.name, placement, blocks, everywhere: &everywhere };
            let site = Site { placement, work, workers: plan.workers, python: &plan.python };
            let build = || {
                let part = present.iter().filter(|side| (side.does)(work, placement));
                let entered = part.map(|side| Entered::new(side, &site, calls));
                let entered = entered.collect::<Result<Vec<_>>>()?;
                let loops: Vec<_> = entered.iter().flat_map(|side| side.side.loops()).collect();
                placement.apply_to_all(&loops);
                Ok(entered)
            };
            let found = rounds.run(&mut rng, build, |side| side.block(calls));
            measured.push(found.with_context(|| {
                format!("case `{}` of processes, {}", case.name, placement.name())
            })?);
        }
        placement.release(&everywhere)?;
    }
    Ok(measured)
}

/// A side in the rounds of one case.
struct Entered {
    name: &'static str,
    kind: Kind,
    placement: Placement,
    work: Work,
    side: Box<dyn Side>,
    /// Calls that did not come back; a rival whose pool broke in a case is out of it.
    failed: u64,
}

impl Entered {
    /// Starts everything that it needs, by a first block.
    fn new(contender: &Contender, site: &Site<'_>, calls: u64) -> Result<Self> {
        let side = (contender.build)(site)
            .with_context(|| format!("could not build {}", contender.name))?;
        let Site { placement, work, .. } = *site;
        let (name, kind) = (contender.name, contender.kind);
        let mut this = Self { name, kind, placement, work, side, failed: 0 };
        this.block(calls.min(2 * site.workers as u64))?;
        Ok(this)
    }

    /// Puts all that it started where it belongs.
    fn settle(&self) {
        self.placement.apply_to_all(&self.side.loops());
    }

    fn block(&mut self, calls: u64) -> Result<f64> {
        if self.work.ends_workers() {
            self.settle();
        }
        if self.failed > 0 {
            return Ok(NO_FIGURE);
        }
        let measured = self.side.block(self.work, calls);
        if let (Kind::Rival, Err(error)) = (self.kind, &measured) {
            eprintln!("{} is out of this case: {error:#}", self.name);
            self.failed = calls;
            return Ok(NO_FIGURE);
        }
        measured.with_context(|| self.name.to_owned())
    }
}

impl Entrant for Entered {
    fn name(&self) -> &'static str {
        self.name
    }

    fn kind(&self) -> Kind {
        self.kind
    }

    fn take_failed(&mut self) -> u64 {
        self.failed
    }
}
