//! The timed run: blocks of all sides, paired and in random order.
//!
//! Invariant: in each round every side runs one block, so that what happens to the machine
//! happens to all; the order is drawn anew for each round, from the printed seed.

use std::time::Instant;

use anyhow::{Context, Result};
use fastrand::Rng;
use rustix::thread::CpuSet;
use serde::Serialize;

use crate::cases::{Case, Floors, Scale};
use crate::machine::{self, Placement, Ticks};
use crate::progress;
use crate::rivals::{CONTENDERS, Contender, Kind};
use crate::side::Side;

/// Rounds between two builds of the sides: where the allocator and the kernel happen to put one
/// must not decide the run.
const REBUILD: u64 = 10;

/// What to run.
pub(crate) struct Plan {
    pub(crate) cases: Vec<&'static dyn Case>,
    pub(crate) placements: Vec<Placement>,
    pub(crate) blocks: u64,
    pub(crate) workers: usize,
    pub(crate) scale: Scale,
    pub(crate) seed: u64,
}

/// One case under one placement, all sides.
#[derive(Debug, Serialize)]
pub(crate) struct Measured {
    pub(crate) placement: Placement,
    pub(crate) case: &'static str,
    /// The share of CPU time that the hypervisor took during it.
    pub(crate) steal: f64,
    /// The share that other programs of this machine used.
    pub(crate) others: f64,
    pub(crate) seconds: f64,
    pub(crate) sides: Vec<Series>,
}

/// The blocks of one side, in the order of the rounds.
#[derive(Debug, Serialize)]
pub(crate) struct Series {
    pub(crate) side: &'static str,
    #[serde(skip)]
    pub(crate) kind: Kind,
    /// Nanoseconds per call.
    pub(crate) ns: Vec<f64>,
    /// Calls that came back as anything but `Ok`; the figures hold only where there are none.
    pub(crate) failed: u64,
}

impl Series {
    fn of(side: &impl Entrant) -> Self {
        Self { side: side.name(), kind: side.kind(), ns: Vec::new(), failed: 0 }
    }
}

impl Measured {
    pub(crate) fn side(&self, name: &str) -> Option<&Series> {
        self.sides.iter().find(|series| series.side == name)
    }
}

pub(crate) fn run(plan: &Plan) -> Result<Vec<Measured>> {
    let everywhere = machine::cpus()?;
    let mut rng = Rng::with_seed(plan.seed);
    let mut all = Vec::new();
    for &placement in &plan.placements {
        for case in &plan.cases {
            let measured = run_case(plan, placement, *case, &everywhere, &mut rng)
                .with_context(|| format!("case `{}`, {}", case.name(), placement.name()))?;
            all.push(measured);
        }
        placement.release(&everywhere)?;
    }
    Ok(all)
}

fn run_case(
    plan: &Plan,
    placement: Placement,
    case: &'static dyn Case,
    everywhere: &CpuSet,
    rng: &mut Rng,
) -> Result<Measured> {
    let rounds = Rounds { case: case.name(), placement, blocks: plan.blocks, everywhere };
    let build = || build(plan, placement, case);
    rounds.run(rng, build, |side: &mut Side| {
        side.begin(placement)?;
        let ns = case.block(side, plan.scale)?;
        side.end();
        Ok(ns)
    })
}

/// What takes part in rounds.
pub(crate) trait Entrant {
    fn name(&self) -> &'static str;
    fn kind(&self) -> Kind;
    /// How many calls of its last block failed.
    fn take_failed(&mut self) -> u64 {
        0
    }
}

/// The rounds of one case under one placement.
pub(crate) struct Rounds<'a> {
    pub(crate) case: &'static str,
    pub(crate) placement: Placement,
    pub(crate) blocks: u64,
    pub(crate) everywhere: &'a CpuSet,
}

impl Rounds<'_> {
    pub(crate) fn run<E: Entrant>(
        &self,
        rng: &mut Rng,
        build: impl Fn() -> Result<Vec<E>>,
        block: impl Fn(&mut E) -> Result<f64>,
    ) -> Result<Measured> {
        let (began, before) = (Instant::now(), Ticks::now()?);
        let mut sides = Vec::new();
        let mut series: Vec<Series> = Vec::new();
        let mut order: Vec<usize> = Vec::new();
        for round in 0..self.blocks {
            let (placement, case) = (self.placement.name(), self.case);
            progress::show(format_args!("{placement} {case} block {round}"));
            if round % REBUILD == 0 {
                drop(std::mem::take(&mut sides));
                self.placement.prepare(self.everywhere)?;
                sides = build()?;
                sides.iter_mut().try_for_each(|side| block(side).map(drop))?;
            }
            if round == 0 {
                series.extend(sides.iter().map(Series::of));
                order.extend(0..sides.len());
            }
            rng.shuffle(&mut order);
            for &index in &order {
                let side = &mut sides[index];
                series[index].ns.push(block(side)?);
                series[index].failed += side.take_failed();
            }
        }
        let after = Ticks::now()?;
        Ok(Measured {
            placement: self.placement,
            case: self.case,
            steal: after.steal_since(&before),
            others: after.others_since(&before),
            seconds: began.elapsed().as_secs_f64(),
            sides: series,
        })
    }
}

fn build(plan: &Plan, placement: Placement, case: &dyn Case) -> Result<Vec<Side>> {
    CONTENDERS
        .iter()
        .filter(|contender| takes_part(contender, placement, case))
        .map(|contender| Side::new(contender, plan.workers))
        .collect()
}

/// A floor takes part where it is one: free threads have none, and two that spin on one CPU wait
/// for each other's time slice.
fn takes_part(contender: &Contender, placement: Placement, case: &dyn Case) -> bool {
    let Kind::Floor { spins } = contender.kind else {
        return true;
    };
    match (placement, case.floors()) {
        (Placement::Free, _) | (_, Floors::None) => false,
        (Placement::Split, Floors::Both) => true,
        (_, Floors::Both | Floors::Asleep) => !spins,
    }
}
