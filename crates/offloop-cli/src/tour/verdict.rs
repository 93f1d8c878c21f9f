//! The two sentences under the table. They are computed from the figures, and say no more
//! than those do: also when nothing stalled, and when offloop did not help.

use super::figures::{Figures, Quantiles};
use super::units::{count, number, time};

/// A turn of the loop as long as this is called a stall: a frame of a screen is 16 ms, a
/// request to a server on the same network takes less than one.
const STALL_NS: u64 = 10_000_000;

/// What the figures mean.
pub(crate) fn verdict(all: &[Figures]) -> String {
    if all.is_empty() {
        return "No run was begun: there is nothing to compare.".to_owned();
    }
    if all.iter().all(|one| one.heartbeat.count == 0) {
        return "The work was over before the first heartbeat was due: there is nothing to \
                compare; choose more or larger files."
            .to_owned();
    }
    let inline = all.iter().find(|one| one.on_loop);
    let away: Vec<&Figures> = all.iter().filter(|one| !one.on_loop).collect();
    match (inline, away.is_empty()) {
        (Some(inline), false) => compare(inline, &away),
        (Some(inline), true) => {
            format!("{} There is no other model to compare it with.", on_loop(inline))
        }
        (None, _) => {
            format!("{}. Add --model inline to see the same calls on the loop.", off_loop(&away))
        }
    }
}

/// What limits the figures: on a machine that was busy before the run they are of all
/// programs together.
pub(crate) fn other_work(load_average: Option<f64>, cpus: usize) -> Option<String> {
    let load = load_average?;
    let cpus = u32::try_from(cpus).unwrap_or(u32::MAX);
    (load > f64::from(cpus)).then(|| {
        let cpus = count(cpus, "CPU");
        format!(
            "The machine was busy before the run (load average {load} on {cpus}): the figures \
             include other programs' work."
        )
    })
}

fn compare(inline: &Figures, away: &[&Figures]) -> String {
    let pace = join(away, |one| number(one.files_per_s / inline.files_per_s.max(1e-9)));
    let off_loop = format!("{}, at {pace} times the pace", off_loop(away));
    if inline.longest_stall_ns < STALL_NS {
        format!(
            "{} {off_loop}. Calls this short can stay on a loop for which a few milliseconds do \
             not matter.",
            on_loop(inline)
        )
    } else if away.iter().all(|one| is_better(one, inline)) {
        format!("{} {off_loop}.", on_loop(inline))
    } else {
        format!("{} {off_loop}: that is not better under every model.", on_loop(inline))
    }
}

/// Whether one may say that offloop helped.
fn is_better(one: &Figures, inline: &Figures) -> bool {
    let no_worse = |p99_ns: u64, inline_p99_ns: u64| p99_ns <= inline_p99_ns.max(STALL_NS / 10);
    let requests = match (requests(one), requests(inline)) {
        (Some(one), Some(inline)) => no_worse(one.p99_ns, inline.p99_ns),
        _ => true,
    };
    one.longest_stall_ns < inline.longest_stall_ns
        && one.heartbeat.max_ns < inline.heartbeat.max_ns
        && no_worse(one.heartbeat.p99_ns, inline.heartbeat.p99_ns)
        && requests
}

/// The sentence about the calls on the loop.
fn on_loop(inline: &Figures) -> String {
    let stall = time(inline.longest_stall_ns);
    let stalled = if inline.longest_stall_ns < STALL_NS {
        format!("nothing stalled it for {} or more: the longest stall was {stall}", time(STALL_NS))
    } else {
        format!("the work stalled it for up to {stall}")
    };
    format!("Called on the loop, {stalled} ({}).", p99s(&[inline]))
}

/// The sentence about the models off the loop, without its end.
fn off_loop(away: &[&Figures]) -> String {
    format!(
        "Off the loop, the longest stall was {} ({})",
        join(away, |one| format!("{} under {}", time(one.longest_stall_ns), one.model)),
        p99s(away),
    )
}

/// How late what waits for the loop was. Without a measuring client no request was measured.
fn p99s(all: &[&Figures]) -> String {
    let beats = format!("heartbeat p99 {}", join(all, |one| time(one.heartbeat.p99_ns)));
    if all.iter().all(|one| requests(one).is_none()) {
        return beats;
    }
    let of = |one: &Figures| {
        requests(one).map_or_else(|| "unknown".to_owned(), |latency| time(latency.p99_ns))
    };
    format!("request p99 {}, {beats}", join(all, of))
}

fn requests(one: &Figures) -> Option<Quantiles> {
    one.request.as_ref().map(|requests| requests.latency).filter(|latency| latency.count > 0)
}

fn join(all: &[&Figures], what: impl Fn(&Figures) -> String) -> String {
    all.iter().map(|one| what(one)).collect::<Vec<_>>().join(" and ")
}
