//! A percentile curve: the value that a share of all samples does not exceed.
//!
//! It is taken from the histogram itself, finer the nearer the share comes to all of
//! them, so that the rare and long waits have as much of the curve as the common ones.

use hdrhistogram::Histogram;

/// The percentiles that are told in figures beside a curve: name and share.
pub(crate) const MARKS: &[(&str, f64)] =
    &[("p50", 0.5), ("p90", 0.9), ("p99", 0.99), ("p99.9", 0.999), ("max", 1.0)];

/// Points for each halving of the distance to all samples.
const POINTS_PER_HALVING: u32 = 10;

/// Of one histogram; without points when that was empty.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Curve {
    pub(crate) samples: u64,
    /// Share of the samples, from 0 to 1, and the nanoseconds that it does not exceed.
    pub(crate) points: Vec<(f64, u64)>,
    /// Nanoseconds, in the order of [`MARKS`].
    pub(crate) marks_ns: Vec<u64>,
}

impl Curve {
    pub(crate) fn of(histogram: &Histogram<u64>) -> Curve {
        if histogram.is_empty() {
            return Curve::default();
        }
        let steps = histogram.iter_quantiles(POINTS_PER_HALVING);
        let steps = steps.map(|step| (step.quantile_iterated_to(), step.value_iterated_to()));
        let max_ns = histogram.max();
        Curve {
            samples: histogram.len(),
            // A step names the upper end of its bucket, which may lie above every sample.
            points: steps.map(|(share, value_ns)| (share, value_ns.min(max_ns))).collect(),
            marks_ns: MARKS
                .iter()
                .map(|(_, share)| histogram.value_at_quantile(*share).min(max_ns))
                .collect(),
        }
    }
}
