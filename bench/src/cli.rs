//! The command line. Invariant: without arguments it is the whole run that README quotes.

use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::Parser;
use clap::builder::PossibleValuesParser;

use crate::cases::{CASES, Case, Scale};
use crate::counts::{self, strace};
use crate::machine::{self, Machine, Placement};
use crate::progress;
use crate::report;
use crate::results::{self, Run};
use crate::rivals::CONTENDERS;
use crate::run::{self, Plan};

/// The word of `--case` that stands for what is counted instead of timed.
const COUNTS: &str = "counts";

const QUICK_BLOCKS: u64 = 3;
const BLOCKS: u64 = 50;

/// Measures offloop against its rivals and the machine's floors.
#[derive(Debug, Parser)]
#[command(version)]
pub(crate) struct Cli {
    /// Few and small blocks, to try the harness; the figures mean nothing
    #[arg(long)]
    quick: bool,
    /// Run this case only; may be given several times
    #[arg(long, value_parser = PossibleValuesParser::new(case_names()))]
    case: Vec<String>,
    /// Run under this placement only; may be given several times
    #[arg(long, value_enum)]
    placement: Vec<Placement>,
    /// Paired blocks per case
    #[arg(long, value_name = "N")]
    blocks: Option<u64>,
    /// Workers of every pool; by default one per CPU
    #[arg(long, value_name = "N")]
    workers: Option<usize>,
    /// Seed of the order of the blocks; drawn and printed by default
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// Where the raw data goes
    #[arg(long, value_name = "FILE", default_value = results::DEFAULT)]
    out: PathBuf,
    /// What each case measures
    #[arg(long)]
    list: bool,
    /// Only runs blocks of this case, for a tracer around it
    #[arg(long, hide = true, requires = "traced_side")]
    traced: Option<String>,
    #[arg(long, hide = true)]
    traced_side: Option<String>,
}

fn case_names() -> Vec<&'static str> {
    CASES.iter().map(|case| case.name()).chain([COUNTS]).collect()
}

impl Cli {
    pub(crate) fn run(self) -> Result<()> {
        if self.list {
            for case in CASES {
                println!("{:<18} {}", case.name(), case.what());
            }
            println!("{COUNTS:<18} wakes, system calls, sleeps, allocations, bytes per call");
            return Ok(());
        }
        let plan = self.plan()?;
        if let (Some(case), Some(side)) = (&self.traced, &self.traced_side) {
            let contender = CONTENDERS.iter().find(|contender| contender.name == side);
            let contender = contender.with_context(|| format!("there is no side `{side}`"))?;
            let (case, placement) = (counts::case(case)?, plan.placements[0]);
            return strace::run(contender, case, placement, plan.workers, plan.blocks);
        }
        let machine = Machine::read()?;
        print_conditions(&machine, &plan);
        let measured = run::run(&plan)?;
        let counts = self.counts(&plan)?;
        progress::end();
        report::print(&measured, counts.as_ref(), plan.seed);
        let run = Run::new(machine, &plan, measured, counts);
        run.write(&self.out)?;
        println!("\nRaw data: {}", self.out.display());
        Ok(())
    }

    fn plan(&self) -> Result<Plan> {
        let cpus = usize::try_from(machine::cpus()?.count())?;
        let placements = match self.placement[..] {
            [] => Placement::ALL.into_iter().filter(|p| p.check(cpus).is_ok()).collect(),
            _ => self.placement.clone(),
        };
        for placement in &placements {
            placement.check(cpus)?;
        }
        let wanted = |case: &&&dyn Case| {
            self.case.is_empty() || self.case.iter().any(|name| name == case.name())
        };
        Ok(Plan {
            cases: CASES.iter().filter(wanted).copied().collect(),
            placements,
            blocks: self.blocks.unwrap_or(if self.quick { QUICK_BLOCKS } else { BLOCKS }).max(1),
            workers: self.workers.unwrap_or(cpus).max(1),
            scale: if self.quick { Scale::Quick } else { Scale::Full },
            seed: self.seed.unwrap_or_else(|| fastrand::u64(..1 << 32)),
        })
    }

    /// Under the first placement: what is counted differs little between them.
    fn counts(&self, plan: &Plan) -> Result<Option<counts::Counts>> {
        if !self.case.is_empty() && !self.case.iter().any(|name| name == COUNTS) {
            return Ok(None);
        }
        counts::count(plan.placements[0], plan.workers, plan.scale).map(Some)
    }
}

fn print_conditions(machine: &Machine, plan: &Plan) {
    let virtualized = if machine.virtualized { ", a virtual machine" } else { "" };
    println!("{} ({} CPUs{virtualized}), {}", machine.cpu, machine.cpus, machine.kernel);
    println!(
        "{} paired blocks in random order, seed {}; {} workers in every pool",
        plan.blocks, plan.seed, plan.workers
    );
    if plan.scale == Scale::Quick {
        println!("A quick run: it tries the harness, and its figures mean nothing.");
    }
}
