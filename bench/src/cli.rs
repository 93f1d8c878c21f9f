//! The command line. Invariant: without arguments it is the whole run that README quotes.

use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::builder::PossibleValuesParser;
use clap::{Parser, ValueEnum};

use crate::cases::{CASES, Case, Scale};
use crate::counts::{self, strace};
use crate::machine::{self, Machine, Placement};
use crate::process;
use crate::progress;
use crate::report::{self, Lineup};
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
    /// Run this set of cases only
    #[arg(long, value_enum)]
    set: Option<Set>,
    /// Run this case only; may be given several times
    #[arg(long, value_parser = PossibleValuesParser::new(case_names()))]
    case: Vec<String>,
    /// Have this side only in the set `process`; may be given several times
    #[arg(long, value_parser = PossibleValuesParser::new(side_names()))]
    side: Vec<String>,
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
    /// The Python whose pools are measured, where it has them
    #[arg(long, value_name = "PROGRAM", env = "OFFLOOP_BENCH_PYTHON", default_value = "python3")]
    python: String,
    /// Where the raw data goes; by default results/latest.json, or results/process.json for that set
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// What each case measures
    #[arg(long)]
    list: bool,
    /// Only runs blocks of this case, for a tracer around it
    #[arg(long, hide = true, requires = "traced_side")]
    traced: Option<String>,
    #[arg(long, hide = true)]
    traced_side: Option<String>,
}

/// Where calls run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Set {
    /// In this process
    Threads,
    /// In worker processes
    Process,
}

fn case_names() -> Vec<&'static str> {
    let in_processes = process::CASES.iter().map(|case| case.name).chain([process::IDLE]);
    CASES.iter().map(|case| case.name()).chain([COUNTS]).chain(in_processes).collect()
}

fn side_names() -> Vec<&'static str> {
    process::lineup().into_iter().map(|(name, _)| name).collect()
}

impl Cli {
    pub(crate) fn run(self) -> Result<()> {
        if self.list {
            list();
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
        let process = self.process(&plan)?;
        progress::end();
        if !measured.is_empty() || counts.is_some() {
            println!("\n## Calls in this process");
            report::print(&Lineup::threads(), &measured, counts.as_ref(), plan.seed);
        }
        if let Some(found) = &process {
            println!("\n## Calls in worker processes");
            report::print_process(found, plan.seed);
        }
        let default = if measured.is_empty() { results::PROCESS } else { results::LATEST };
        let out = self.out.unwrap_or_else(|| PathBuf::from(default));
        Run::new(machine, &plan, measured, counts, process).write(&out)?;
        println!("\nRaw data: {}", out.display());
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
        let wanted = |case: &&&dyn Case| self.wants(Set::Threads, case.name());
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
        if !self.wants(Set::Threads, COUNTS) {
            return Ok(None);
        }
        counts::count(plan.placements[0], plan.workers, plan.scale).map(Some)
    }

    fn process(&self, plan: &Plan) -> Result<Option<process::Found>> {
        let wanted = |name: &str| self.wants(Set::Process, name);
        // Each of them starts all sides anew, which is most of a quick run.
        let one_placement = self.quick && self.placement.is_empty();
        let placements = plan.placements.iter().take(if one_placement { 1 } else { usize::MAX });
        let plan = process::Plan {
            cases: process::CASES.iter().filter(|case| wanted(case.name)).collect(),
            idle: wanted(process::IDLE),
            sides: self.side.clone(),
            placements: placements.copied().collect(),
            blocks: plan.blocks,
            workers: plan.workers,
            quick: plan.scale == Scale::Quick,
            seed: plan.seed,
            python: self.python.clone(),
        };
        let nothing = plan.cases.is_empty() && !plan.idle;
        if nothing { Ok(None) } else { process::run(&plan).map(Some) }
    }

    fn wants(&self, set: Set, case: &str) -> bool {
        self.set.is_none_or(|only| only == set)
            && (self.case.is_empty() || self.case.iter().any(|name| name == case))
    }
}

fn list() {
    for case in CASES {
        println!("{:<22} {}", case.name(), case.what());
    }
    println!("{COUNTS:<22} wakes, system calls, sleeps, allocations, bytes per call");
    println!("\nIn worker processes:");
    for case in process::CASES {
        println!("{:<22} {}", case.name, case.what);
    }
    println!("{:<22} CPU time and sleeps of workers that nobody calls", process::IDLE);
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
