//! The tables that a run prints, as Markdown. Invariant: every ratio stands with its interval, and
//! a run that its own control or the hypervisor disturbed says so.

use comfy_table::Table;
use comfy_table::presets::ASCII_MARKDOWN;
use fastrand::Rng;

use crate::counts::Counts;
use crate::figures::{Figure, bootstrap, median};
use crate::machine::Placement;
use crate::process;
use crate::process::{Found, Idle};
use crate::rivals::{CONTENDERS, Kind};
use crate::run::{Measured, Series};

/// How far the control's interval may reach from 1.
const CONTROL_REACH: f64 = 0.05;

/// The largest share of CPU time that the hypervisor may take.
const STEAL: f64 = 0.01;

/// The sides of a set of cases, in the order of the tables.
pub(crate) struct Lineup(Vec<(&'static str, Kind)>);

impl Lineup {
    /// Those that run calls in this process.
    pub(crate) fn threads() -> Self {
        Self(CONTENDERS.iter().map(|contender| (contender.name, contender.kind)).collect())
    }

    /// Those that run them in worker processes.
    pub(crate) fn process() -> Self {
        Self(process::lineup())
    }

    fn of(&self, wanted: impl Fn(Kind) -> bool) -> impl Iterator<Item = &'static str> {
        self.0.iter().filter(move |(_, kind)| wanted(*kind)).map(|(name, _)| *name)
    }

    /// offloop's own; the first one has the control.
    fn ours(&self) -> Vec<&'static str> {
        self.of(|kind| kind == Kind::Offloop).collect()
    }

    fn control(&self) -> Option<(&'static str, &'static str)> {
        self.ours().first().copied().zip(self.of(|kind| kind == Kind::Control).next())
    }

    /// The names of the sides that took part in any of these.
    fn present(&self, here: &[&Measured], wanted: impl Fn(Kind) -> bool) -> Vec<&'static str> {
        self.of(wanted).filter(|name| here.iter().any(|m| m.side(name).is_some())).collect()
    }
}

/// All tables, and the words below them.
pub(crate) fn print(lineup: &Lineup, all: &[Measured], counts: Option<&Counts>, seed: u64) {
    let mut rng = Rng::with_seed(seed);
    for placement in Placement::ALL {
        let here: Vec<&Measured> = all.iter().filter(|m| m.placement == placement).collect();
        if here.is_empty() {
            continue;
        }
        println!("\n### {}: {}\n", placement.name(), placement.what());
        println!("Time per call, median of the blocks:\n\n{}\n", times(lineup, &here));
        for ours in lineup.ours() {
            println!("`{ours}` ÷ the other, median of the pairs [95 % interval]:\n");
            println!("{}\n", ratios(lineup, &here, ours, &mut rng));
        }
    }
    if let Some(counts) = counts {
        println!("\n### Per call, beside time\n\n{}\n", per_call(counts));
        println!("Bytes on the heap per waiting call:\n\n{}\n", waiting(counts));
    }
    verdict(lineup, all, &mut Rng::with_seed(seed));
}

/// The same of calls in processes.
pub(crate) fn print_process(found: &Found, seed: u64) {
    print(&Lineup::process(), &found.measured, None, seed);
    if !found.idle.is_empty() {
        println!("\n### Idle, per second\n\n{}", idle(&found.idle));
    }
    for (side, why) in &found.missing {
        println!("\n{side} did not take part: {why}");
    }
}

fn idle(all: &[Idle]) -> Table {
    let mut table = table(["side", "processes", "CPU time", "sleeps"].map(str::to_owned));
    for row in all {
        let cpu = if row.cpu_ns == 0.0 { "0".to_owned() } else { duration(row.cpu_ns) };
        table.add_row([row.side.to_owned(), row.processes.to_string(), cpu, few(row.sleeps)]);
    }
    table
}

fn table(header: impl IntoIterator<Item = String>) -> Table {
    let mut table = Table::new();
    table.load_style(ASCII_MARKDOWN).set_header(header.into_iter().collect::<Vec<_>>());
    table
}

fn times(lineup: &Lineup, here: &[&Measured]) -> Table {
    let sides = lineup.present(here, |kind| kind != Kind::Control);
    let header = std::iter::once("case").chain(sides.iter().copied());
    let mut table = table(header.map(str::to_owned));
    for measured in here {
        let cells = sides.iter().map(|name| measured.side(name).map_or_else(String::new, time));
        table.add_row(std::iter::once(measured.case.to_owned()).chain(cells).collect::<Vec<_>>());
    }
    table
}

fn time(series: &Series) -> String {
    if series.failed > 0 {
        return format!("invalid: {} calls failed", series.failed);
    }
    duration(median(&series.ns))
}

fn duration(ns: f64) -> String {
    match ns {
        ns if ns < 99.95 => format!("{ns:.1} ns"),
        ns if ns < 999.5 => format!("{ns:.0} ns"),
        ns if ns < 99_950.0 => format!("{:.2} µs", ns / 1e3),
        ns => format!("{:.2} ms", ns / 1e6),
    }
}

fn ratios(lineup: &Lineup, here: &[&Measured], ours: &str, rng: &mut Rng) -> Table {
    let control = lineup.control().filter(|(of, _)| *of == ours).map(|(_, control)| control);
    let wanted = |kind| match kind {
        Kind::Offloop => false,
        Kind::Control => control.is_some(),
        Kind::Rival | Kind::Floor { .. } => true,
    };
    let others = lineup.present(here, wanted);
    let names = others.iter().map(|name| match control {
        Some(control) if control == *name => "itself (control)",
        _ => name,
    });
    let header = ["case"].into_iter().chain(names).chain(["the best rival"]);
    let mut table = table(header.map(str::to_owned));
    for measured in here {
        let mut row = vec![measured.case.to_owned()];
        row.extend(others.iter().map(|other| ratio(measured, ours, other, rng)));
        row.push(best(measured).map_or_else(String::new, |best| {
            format!("{} {}", ratio(measured, ours, best.side, rng), best.side)
        }));
        table.add_row(row);
    }
    table
}

/// The rival with the least median whose calls all came back.
fn best(measured: &Measured) -> Option<&Series> {
    let rivals = measured.sides.iter().filter(|s| s.kind == Kind::Rival && s.failed == 0);
    rivals.min_by(|a, b| median(&a.ns).total_cmp(&median(&b.ns)))
}

fn ratio(measured: &Measured, ours: &str, other: &str, rng: &mut Rng) -> String {
    paired(measured, ours, other, rng).map_or_else(String::new, |figure| show(&figure))
}

fn show(figure: &Figure) -> String {
    format!("{:.2} [{:.2}, {:.2}]", figure.median, figure.low, figure.high)
}

/// The ratios of the blocks that ran in the same round.
fn paired(measured: &Measured, ours: &str, other: &str, rng: &mut Rng) -> Option<Figure> {
    let (ours, other) = (measured.side(ours)?, measured.side(other)?);
    if ours.failed + other.failed > 0 {
        return None;
    }
    let ratios: Vec<f64> =
        ours.ns.iter().zip(&other.ns).map(|(ours, other)| ours / other).collect();
    Some(bootstrap(&ratios, rng))
}

fn per_call(counts: &Counts) -> Table {
    let header = ["case", "side", "wakes of the loop", "system calls", "sleeps", "allocations"];
    let mut table = table(header.map(str::to_owned));
    let mut rows: Vec<_> = counts.per_call.iter().collect();
    let place = |case: &str| counts.per_call.iter().position(|row| row.case == case);
    rows.sort_by_key(|row| place(row.case));
    for row in rows {
        let traced = row.system_calls.map_or_else(|| "not counted".to_owned(), few);
        let (case, side) = (row.case.to_owned(), row.side.to_owned());
        table.add_row([case, side, few(row.wakes), traced, few(row.sleeps), few(row.allocations)]);
    }
    table
}

fn few(count: f64) -> String {
    match count {
        0.0 => "0".to_owned(),
        count if count < 0.001 => "< 0.001".to_owned(),
        count if count < 0.095 => format!("{count:.3}"),
        count => format!("{count:.2}"),
    }
}

fn waiting(counts: &Counts) -> Table {
    let mut table = table(counts.waiting.iter().map(|row| row.side.to_owned()));
    table.add_row(counts.waiting.iter().map(|row| format!("{:.0}", row.bytes)).collect::<Vec<_>>());
    table
}

/// Says what disturbed which row, and whether the run concludes.
fn verdict(lineup: &Lineup, all: &[Measured], rng: &mut Rng) {
    let (mut doubts, mut doubted) = (Vec::new(), 0);
    for measured in all {
        let before = doubts.len();
        let what = format!("{} / {}", measured.placement.name(), measured.case);
        if measured.steal > STEAL {
            doubts.push(format!("{what}: steal {:.1} %", measured.steal * 100.0));
        }
        if let Some((ours, control)) = lineup.control()
            && let Some(control) = paired(measured, ours, control, rng)
            && (control.low < 1.0 - CONTROL_REACH || control.high > 1.0 + CONTROL_REACH)
        {
            doubts.push(format!("{what}: the control is at {}", show(&control)));
        }
        for series in measured.sides.iter().filter(|series| series.failed > 0) {
            let failed = series.failed;
            doubts.push(format!("{what}: {failed} calls failed on {}", series.side));
        }
        doubted += usize::from(doubts.len() > before);
    }
    let seconds = all.iter().map(|m| m.seconds).sum::<f64>().max(f64::MIN_POSITIVE);
    let steal = all.iter().map(|m| m.steal * m.seconds).sum::<f64>() / seconds * 100.0;
    let others = all.iter().map(|m| m.others * m.seconds).sum::<f64>() / seconds * 100.0;
    let around = format!("steal {steal:.2} %, other programs {others:.1} % of the CPUs");
    if all.is_empty() {
        return;
    }
    if doubts.is_empty() {
        println!("This run is conclusive: every control within ±5 %, {around}.");
        return;
    }
    let rows = all.len();
    println!("This run is inconclusive in {doubted} of its {rows} rows ({around}):");
    for doubt in doubts {
        println!("- {doubt}");
    }
}
