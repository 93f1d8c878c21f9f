//! The figures of one model over all its rounds.
//!
//! Samples of all rounds go into one histogram, so that a percentile is one of requests
//! and beats, and not an average of percentiles. The curves are of the same histograms.

use super::curve::Curve;
use super::model::Model;
use super::rounds::RunResult;
use crate::service::heartbeat::{Beats, new_histogram};
use hdrhistogram::Histogram;
use serde::Serialize;
use std::time::Duration;

/// What a histogram says, in nanoseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Quantiles {
    pub(crate) count: u64,
    pub(crate) p50_ns: u64,
    pub(crate) p99_ns: u64,
    #[serde(rename = "p99_9_ns")]
    pub(crate) p999_ns: u64,
    pub(crate) max_ns: u64,
}

impl Quantiles {
    pub(crate) fn of(histogram: &Histogram<u64>) -> Quantiles {
        Quantiles {
            count: histogram.len(),
            p50_ns: histogram.value_at_quantile(0.5),
            p99_ns: histogram.value_at_quantile(0.99),
            p999_ns: histogram.value_at_quantile(0.999),
            max_ns: histogram.max(),
        }
    }
}

/// How the requests of the measuring client fared.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Requests {
    pub(crate) sent: u64,
    pub(crate) unanswered: u64,
    pub(crate) latency: Quantiles,
    #[serde(skip)]
    pub(crate) curve: Curve,
}

/// One column of the page.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Figures {
    pub(crate) model: &'static str,
    /// Whether the calls ran on the loop itself.
    pub(crate) on_loop: bool,
    pub(crate) rounds_complete: u32,
    /// An interruption cut one of the runs short.
    pub(crate) partial: bool,
    /// The time of all rounds together.
    pub(crate) total_time_ns: u64,
    pub(crate) round_times_ns: Vec<u64>,
    /// Over all rounds.
    pub(crate) files_done: u64,
    pub(crate) bytes_done: u64,
    pub(crate) files_per_s: f64,
    pub(crate) bytes_per_s: f64,
    pub(crate) heartbeat: Quantiles,
    #[serde(skip)]
    pub(crate) heartbeat_curve: Curve,
    pub(crate) missed_beats: u64,
    /// Absent when no measuring client could be run.
    pub(crate) request: Option<Requests>,
    /// The longest that one turn kept the loop from looking at its events.
    pub(crate) longest_stall_ns: u64,
}

impl Figures {
    /// Of all the runs of `model` among `results`.
    pub(crate) fn of(model: &'static Model, results: &[RunResult]) -> Option<Figures> {
        let runs = || results.iter().filter(|run| run.id.model.name == model.name);
        runs().next()?;
        let mut beats = Beats::new();
        runs().for_each(|run| beats.add(&run.figures.beats));
        let total: Duration = runs().map(|run| run.figures.elapsed).sum();
        let files_done = runs().map(|run| run.counts.files_done).sum();
        let bytes_done = runs().map(|run| run.counts.bytes_done).sum();
        let stalls = runs().map(|run| run.figures.longest_turn);
        Some(Figures {
            model: model.name,
            on_loop: !super::app::needs_offloop(model),
            rounds_complete: runs().map(|run| u32::from(run.complete)).sum(),
            partial: runs().any(|run| !run.complete),
            total_time_ns: ns(total),
            round_times_ns: runs().map(|run| ns(run.figures.elapsed)).collect(),
            files_done,
            bytes_done,
            files_per_s: per_second(files_done, total),
            bytes_per_s: per_second(bytes_done, total),
            heartbeat: Quantiles::of(&beats.lateness),
            heartbeat_curve: Curve::of(&beats.lateness),
            missed_beats: beats.missed,
            request: requests(runs()),
            longest_stall_ns: ns(stalls.max().unwrap_or_default()),
        })
    }
}

fn requests<'a>(runs: impl Iterator<Item = &'a RunResult>) -> Option<Requests> {
    let (mut sent, mut latency) = (0, new_histogram());
    let mut measured = false;
    for client in runs.filter_map(|run| run.client.as_ref()) {
        measured = true;
        sent += client.sent;
        // Cannot fail: all histograms here have the same bounds.
        let _ = latency.add(client.histogram());
    }
    measured.then(|| Requests {
        sent,
        unanswered: sent.saturating_sub(latency.len()),
        latency: Quantiles::of(&latency),
        curve: Curve::of(&latency),
    })
}

fn ns(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

/// Precise enough: a count beyond 2^53 is not to be expected.
#[expect(clippy::cast_precision_loss, reason = "shown with three digits")]
fn per_second(count: u64, time: Duration) -> f64 {
    let seconds = time.as_secs_f64();
    if seconds > 0.0 { count as f64 / seconds } else { 0.0 }
}
