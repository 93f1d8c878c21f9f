//! System calls per call, counted by `strace` around a run of this very program.
//!
//! Invariant: two runs that differ by some blocks only are subtracted from each other, so that
//! starting and ending cost nothing; what the harness itself does in a block (its idle sleep) is
//! left out by name.

use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use crate::cases::{Case, Scale};
use crate::machine::Placement;
use crate::rivals::Contender;
use crate::run::Entrant;
use crate::side::Side;

/// The idle time of the cases.
const OF_THE_HARNESS: &[&str] = &["clock_nanosleep"];

/// Blocks of the two runs.
const FEW: u64 = 1;
const MANY: u64 = 4;

/// A tenth of a timed block is enough to count, and a traced system call takes long.
const SCALE: Scale = Scale::Tenth;

/// `None`: there is no `strace` here, or it may not trace.
pub(crate) fn per_call(
    contender: &Contender,
    case: &dyn Case,
    placement: Placement,
    workers: usize,
    scale: Scale,
) -> Result<Option<f64>> {
    if scale == Scale::Quick {
        return Ok(None);
    }
    let run = |blocks| traced(contender, case, placement, workers, blocks);
    let (Some(few), Some(many)) = (run(FEW)?, run(MANY)?) else {
        return Ok(None);
    };
    let calls = many.calls.saturating_sub(few.calls).max(1);
    let made = many.system_calls.saturating_sub(few.system_calls);
    #[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
    Ok(Some(made as f64 / calls as f64))
}

struct Traced {
    calls: u64,
    system_calls: u64,
}

fn traced(
    contender: &Contender,
    case: &dyn Case,
    placement: Placement,
    workers: usize,
    blocks: u64,
) -> Result<Option<Traced>> {
    let program = std::env::current_exe().context("could not find this program's own file")?;
    let spawned = Command::new("strace")
        .args(["-f", "-c", "-U", "calls,name"])
        .arg(program)
        .args(["--traced", case.name(), "--traced-side", contender.name])
        .args(["--placement", placement.name()])
        .args(["--workers", &workers.to_string(), "--blocks", &blocks.to_string()])
        .stdin(Stdio::null())
        .output();
    let Ok(output) = spawned else { return Ok(None) };
    if !output.status.success() {
        return Ok(None);
    }
    let calls = String::from_utf8_lossy(&output.stdout).trim().parse();
    let calls = calls.context("the traced run did not print how many calls it made")?;
    let system_calls = sum(&String::from_utf8_lossy(&output.stderr));
    Ok(Some(Traced { calls, system_calls }))
}

/// Adds up the lines of strace's summary, which hold a count and a name each.
fn sum(summary: &str) -> u64 {
    let mut total = 0;
    for line in summary.lines() {
        let mut words = line.split_ascii_whitespace();
        let (Some(count), Some(name), None) = (words.next(), words.next(), words.next()) else {
            continue;
        };
        if let Ok(count) = count.parse::<u64>()
            && name != "total"
            && !OF_THE_HARNESS.contains(&name)
        {
            total += count;
        }
    }
    total
}

/// The traced run: some blocks of one case on one side, and the number of calls on standard output.
pub(crate) fn run(
    contender: &Contender,
    case: &dyn Case,
    placement: Placement,
    workers: usize,
    blocks: u64,
) -> Result<()> {
    let everywhere = crate::machine::cpus()?;
    placement.prepare(&everywhere)?;
    let mut side = Side::new(contender, workers)?;
    // Starts the workers by plain calls: holding them costs an unknown number of yields.
    case.block(&mut side, SCALE)?;
    placement.apply();
    for _ in 0..blocks {
        case.block(&mut side, SCALE)?;
    }
    if side.take_failed() > 0 {
        bail!("some of the traced calls failed");
    }
    println!("{}", side.submitted());
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::sum;

    #[test]
    fn a_summary_adds_up_without_the_total_and_the_idle_time() {
        let summary = "    calls syscall\n--------- ----------------\n      600 futex\n       \
                       300 clock_nanosleep\n       25 epoll_wait\n--------- ----------------\n      \
                       925 total\n";
        assert_eq!(sum(summary), 625);
    }
}
