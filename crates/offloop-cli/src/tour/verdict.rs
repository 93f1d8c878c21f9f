//! The one sentence under the table. It is computed from the figures, and says no more
//! than they do: also when nothing stalled, and when offloop did not help.

use super::figures::Figures;
use super::units::{number, time};

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
            format!("{}; there is no other model to compare it with.", on_loop(inline))
        }
        (None, _) => format!(
            "Off the loop, {}; add --model inline to see the same calls on the loop.",
            off_loop(&away)
        ),
    }
}

fn compare(inline: &Figures, away: &[&Figures]) -> String {
    let better = |one: &&Figures| {
        one.longest_stall_ns < inline.longest_stall_ns
            && one.heartbeat.max_ns < inline.heartbeat.max_ns
            && one.heartbeat.p99_ns <= inline.heartbeat.p99_ns.max(STALL_NS / 10)
    };
    let pace = join(away, |one| number(one.files_per_s / inline.files_per_s.max(1e-9)));
    let off_loop = format!("{}, at {pace} times the pace", off_loop(away));
    if inline.longest_stall_ns < STALL_NS {
        format!(
            "Nothing stalled the loop for {} or more: called on it, the longest turn took {} \
             (heartbeat p99 {}); off it, {off_loop}; calls this short can stay on a loop for \
             which a few milliseconds do not matter.",
            time(STALL_NS),
            time(inline.longest_stall_ns),
            time(inline.heartbeat.p99_ns),
        )
    } else if away.iter().all(better) {
        format!("{}; off the loop, {off_loop}.", on_loop(inline))
    } else {
        format!(
            "{}; off the loop, {off_loop}: in this run that is not better under every model.",
            on_loop(inline)
        )
    }
}

/// A clause about the calls on the loop.
fn on_loop(inline: &Figures) -> String {
    format!(
        "Called on the loop, the work kept it from its events for up to {}, and {} of {} \
         heartbeats came a whole period late or more (p99 {})",
        time(inline.longest_stall_ns),
        inline.missed_beats,
        inline.heartbeat.count,
        time(inline.heartbeat.p99_ns),
    )
}

/// A clause about the models off the loop.
fn off_loop(away: &[&Figures]) -> String {
    format!(
        "the longest turn took {} (heartbeat p99 {})",
        join(away, |one| format!("{} under {}", time(one.longest_stall_ns), one.model)),
        join(away, |one| time(one.heartbeat.p99_ns)),
    )
}

fn join(all: &[&Figures], what: impl Fn(&Figures) -> String) -> String {
    all.iter().map(|one| what(one)).collect::<Vec<_>>().join(" and ")
}
