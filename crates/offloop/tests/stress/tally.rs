//! Sums over all rounds, how often the contenders of each pair were close, and the comparison with
//! offloop's own counters.

use std::sync::atomic::Ordering::SeqCst;
use std::time::Duration;

use offloop::{ShutdownReport, Stats};

use crate::ledger::{Event, KINDS, Kind, Record, Round};
use crate::plan::{Ending, Lane};

/// Two contenders this near to each other race.
const CLOSE: Duration = Duration::from_micros(100);

/// One pair: how often the first won, and how often the second did.
#[derive(Default)]
pub(crate) struct Race {
    first: u64,
    second: u64,
}

impl Race {
    pub(crate) fn total(&self) -> u64 {
        self.first + self.second
    }

    fn count(&mut self, a_ns: u64, b_ns: u64, first_won: Option<bool>) {
        if a_ns == 0 || b_ns == 0 || u128::from(a_ns.abs_diff(b_ns)) > CLOSE.as_nanos() {
            return;
        }
        match first_won {
            Some(true) => self.first += 1,
            Some(false) => self.second += 1,
            None => {}
        }
    }
}

#[derive(Default)]
pub(crate) struct Tally {
    pub(crate) rounds: u64,
    pub(crate) calls: u64,
    pub(crate) kinds: [u64; KINDS.len()],
    /// Functions that ran to their end although this was the outcome.
    pub(crate) late: [u64; KINDS.len()],
    pub(crate) unrun: u64,
    pub(crate) unrun_elsewhere: u64,
    pub(crate) back: u64,
    pub(crate) forgotten: u64,
    pub(crate) unknown: u64,
    pub(crate) no_worker: u64,
    pub(crate) blasts: u64,
    pub(crate) handler_panics: u64,
    pub(crate) dropped_at_home: u64,
    pub(crate) finish_cancel: Race,
    pub(crate) finish_deadline: Race,
    pub(crate) finish_shutdown: Race,
    pub(crate) cancel_deadline: Race,
}

impl Tally {
    pub(crate) fn add(&mut self, round: &Round, handler_panics: u64) {
        self.rounds += 1;
        self.calls += round.used() as u64;
        self.handler_panics += handler_panics;
        self.no_worker += round.no_worker.load(SeqCst) as u64;
        self.blasts += round.blasts.load(SeqCst) as u64;
        self.dropped_at_home += round.dropped_at_home.load(SeqCst) as u64;
        for record in round.records() {
            self.unrun += u64::from(record.count(Event::Unrun));
            self.unrun_elsewhere += u64::from(record.count(Event::UnrunElsewhere));
            self.back += u64::from(record.count(Event::Back));
            self.forgotten += u64::from(record.count(Event::Forgotten));
            match kind(record) {
                Some(kind) => {
                    self.kinds[kind as usize] += 1;
                    self.late[kind as usize] += u64::from(record.had(Event::Ended));
                }
                None => self.unknown += 1,
            }
            self.race(record, round.up_ns.load(SeqCst));
        }
    }

    fn race(&mut self, record: &Record, up_ns: u64) {
        let Some(kind) = record.kind() else { return };
        let finished = matches!(kind, Kind::Finished | Kind::Panicked);
        let finish_against = |rival: Kind| match kind {
            _ if finished => Some(true),
            kind if kind == rival => Some(false),
            _ => None,
        };
        let end_ns = record.end_ns.load(SeqCst);
        let cancel_ns = record.cancel_ns.load(SeqCst);
        let deadline_ns = record.deadline_ns.load(SeqCst);
        self.finish_cancel.count(end_ns, cancel_ns, finish_against(Kind::Cancelled));
        self.finish_deadline.count(end_ns, deadline_ns, finish_against(Kind::TimedOut));
        self.finish_shutdown.count(end_ns, up_ns, finish_against(Kind::Shutdown));
        let cancel_won = match kind {
            Kind::Cancelled => Some(true),
            Kind::TimedOut => Some(false),
            _ => None,
        };
        self.cancel_deadline.count(cancel_ns, deadline_ns, cancel_won);
    }

    pub(crate) fn report(&self) -> String {
        let race = |name: &str, first: &str, second: &str, race: &Race| {
            let (a, b) = (race.first, race.second);
            format!("  {name:<19} {:>7} times: {first} won {a}, {second} won {b}\n", a + b)
        };
        let mut text = format!("{} calls in {} rounds\n", self.calls, self.rounds);
        for kind in KINDS {
            let (all, late) = (self.kinds[kind as usize], self.late[kind as usize]);
            text += &format!("  {:<19} {all:>7}", format!("{kind:?}"));
            text += &match kind {
                Kind::Finished | Kind::Panicked | Kind::Rejected => "\n".to_owned(),
                _ => format!(", of which {late} ran to their end all the same\n"),
            };
        }
        text += &format!(
            "  futures dropped {}, given back {}, not known {}, refused for want of a thread {}\n  \
             handlers dropped unrun {} on the loop and {} by late submitters, handlers that \
             panicked {}\n  destructors that panicked {}, dropped on the loop after its last handle {}\n",
            self.forgotten,
            self.back,
            self.unknown,
            self.no_worker,
            self.unrun,
            self.unrun_elsewhere,
            self.handler_panics,
            self.blasts,
            self.dropped_at_home,
        );
        text += &format!("raced, that is, came within {CLOSE:?} of each other:\n");
        text += &race("finish x cancel", "finish", "cancel", &self.finish_cancel);
        text += &race("finish x deadline", "finish", "deadline", &self.finish_deadline);
        text += &race("finish x shutdown", "finish", "shutdown", &self.finish_shutdown);
        text += &race("cancel x deadline", "cancel", "deadline", &self.cancel_deadline);
        text
    }

    pub(crate) fn races(&self) -> [(&'static str, u64); 4] {
        [
            ("finish x cancel", self.finish_cancel.total()),
            ("finish x deadline", self.finish_deadline.total()),
            ("finish x shutdown", self.finish_shutdown.total()),
            ("cancel x deadline", self.cancel_deadline.total()),
        ]
    }
}

/// What a call came to, as far as somebody heard of it; a detached call's value nobody does.
fn kind(record: &Record) -> Option<Kind> {
    let detached = record.plan.get().is_some_and(|plan| plan.ending == Ending::Detach);
    match record.kind() {
        None if detached && record.had(Event::Ended) => Some(Kind::Finished),
        kind => kind,
    }
}

/// Compares offloop's counters with the books of a round at rest, every call of which came to its
/// end in a turn or in a future.
pub(crate) fn differs(round: &Round, stats: &Stats) -> Option<String> {
    let records = round.records();
    let count = |event: Event| records.iter().filter(|record| record.had(event)).count() as u64;
    let own = |wanted: Kind| {
        let of_kind = |record: &&Record| !record.had(Event::Back) && kind(record) == Some(wanted);
        records.iter().filter(of_kind).count() as u64
    };
    let (forgotten, back) = (count(Event::Forgotten), count(Event::Back));
    let is_detached =
        |record: &&Record| record.plan.get().is_some_and(|plan| plan.ending == Ending::Detach);
    let detached = records.iter().filter(is_detached).count() as u64;
    let load = |counter: &std::sync::atomic::AtomicUsize| counter.load(SeqCst) as u64;
    let looked_at = count(Event::Ran) + detached + load(&round.inline_awaits);
    let pairs = [
        ("finished", stats.finished, own(Kind::Finished), forgotten),
        ("panicked", stats.panicked, own(Kind::Panicked), forgotten),
        ("timed_out", stats.timed_out, own(Kind::TimedOut), forgotten),
        ("cancelled", stats.cancelled, own(Kind::Cancelled), forgotten),
        ("rejected", stats.rejected, own(Kind::Rejected), forgotten),
        ("shut_down", stats.shut_down, own(Kind::Shutdown), forgotten),
        ("submitted", stats.submitted, round.used() as u64 - back, 0),
        ("unobserved", stats.unobserved, load(&round.hooked_failures), 0),
        ("dropped_handlers", stats.dropped_handlers, 0, 0),
        ("destructor_panics", stats.destructor_panics, load(&round.blasts), 0),
        ("waker_panics", stats.waker_panics, 0, 0),
        ("delivered", stats.delivered, looked_at, load(&round.inline_perhaps)),
        ("queued", all(stats, |lane| lane.queued), 0, 0),
        ("running", all(stats, |lane| lane.running), 0, 0),
        ("abandoned", all(stats, |lane| lane.abandoned), 0, 0),
    ];
    let wrong: Vec<String> = pairs
        .into_iter()
        .filter(|(_, theirs, ours, slack)| theirs < ours || *theirs > ours + slack)
        .map(|(name, theirs, ours, slack)| {
            format!("stats().{name} is {theirs}, the books say {ours} (and up to {slack} more)")
        })
        .collect();
    let decided = stats.finished
        + stats.panicked
        + stats.timed_out
        + stats.cancelled
        + stats.rejected
        + stats.shut_down;
    if wrong.is_empty() && decided != stats.submitted {
        return Some(format!("{} calls submitted, {decided} decided", stats.submitted));
    }
    (!wrong.is_empty()).then(|| wrong.join("; "))
}

fn all(stats: &Stats, of: impl Fn(&offloop::ExecutorStats) -> usize) -> u64 {
    (of(&stats.threads) + of(&stats.cores) + of(&stats.inline)) as u64
}

/// A shutdown's report, once all functions have returned.
pub(crate) fn check_report(round: &Round, report: &ShutdownReport) {
    for call in &report.abandoned {
        let Some(id) = call.name.as_ref().and_then(|name| name.parse().ok()) else { continue };
        if !round.record(id).had(Event::Started) {
            round.fault(id, "the report names it as abandoned, and it never ran");
        }
    }
    let unheard = |record: &&Record| {
        let known = matches!(kind(record), Some(Kind::Shutdown) | None);
        known && !record.had(Event::Started)
    };
    let most = round.records().iter().filter(unheard).count();
    if report.never_started > most {
        let never = report.never_started;
        round.fault_of_all(format!("the report says {never} never started, at most {most} did"));
    }
    let inline = |record: &&Record| record.plan.get().is_some_and(|p| p.lane == Lane::Inline);
    let seats = round.records().iter().filter(|r| !inline(r) && r.had(Event::Ended)).count();
    if report.finished + report.abandoned.len() > seats {
        round.fault_of_all(format!("the report has {report:?} of {seats} calls that ran"));
    }
}
