//! A distribution of times, of fixed memory however many it counts. Invariant: count, extremes and
//! mean are exactly those of what was recorded; percentiles are right to two digits.

use std::fmt;
use std::time::Duration;

use hdrhistogram::Histogram;

/// One part in 128 at the worst, by 128 counts of four bytes for each doubling of the time.
const DIGITS: u8 = 2;

/// How long something took, over many calls: from [`Offloop::stats`](crate::Offloop::stats).
///
/// Count, least, mean and greatest are those of the calls' stamps; a percentile is within 1 % of the
/// time of a call. A stamp is exact for 16 ms from the submit, and to seven digits beyond. So how long
/// a call ran is told to a seventh digit of how long it had waited: to 0.1 µs after a second.
/// `Display` and `Debug` give one line.
///
/// ```
/// # let off = offloop::Offloop::<()>::builder().no_waker().build()?;
/// off.call(|| ()).inline().then(|_, _| {});
/// off.deliver(&mut ());
/// let run = off.stats().inline.run;
/// assert_eq!(run.count(), 1);
/// assert!(run.min() <= run.percentile(99.0) && run.percentile(99.0) <= run.max());
/// println!("{run}"); // 1 call: min 84ns, mean 84ns, p50 84ns, p99 84ns, max 84ns
/// # Ok::<(), offloop::Error>(())
/// ```
#[derive(Clone, Default)]
pub struct Latencies {
    /// None as long as nothing is counted.
    counts: Option<Histogram<u32>>,
    count: u64,
    min_ns: u64,
    max_ns: u64,
    sum_ns: u64,
}

impl Latencies {
    /// How many times were counted.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// The least; zero when there is none, like all of these.
    pub fn min(&self) -> Duration {
        Duration::from_nanos(self.min_ns)
    }

    /// The mean.
    pub fn mean(&self) -> Duration {
        Duration::from_nanos(self.sum_ns.checked_div(self.count).unwrap_or(0))
    }

    /// The greatest.
    pub fn max(&self) -> Duration {
        Duration::from_nanos(self.max_ns)
    }

    /// The time that `percent` of the counted ones did not exceed: 50.0 gives the median. Below 0
    /// it is the least, above 100 the greatest.
    pub fn percentile(&self, percent: f64) -> Duration {
        let Some(counts) = &self.counts else {
            return Duration::ZERO;
        };
        if percent <= 0.0 {
            return self.min();
        }
        let ns = counts.value_at_percentile(percent.min(100.0));
        Duration::from_nanos(ns.clamp(self.min_ns, self.max_ns))
    }

    pub(super) fn record(&mut self, ns: u64) {
        // It grows by itself, so neither can fail.
        let counts = self.counts.get_or_insert_with(empty);
        let _grown = counts.record(ns);
        self.min_ns = if self.count == 0 { ns } else { self.min_ns.min(ns) };
        self.max_ns = self.max_ns.max(ns);
        self.sum_ns = self.sum_ns.saturating_add(ns);
        self.count += 1;
    }

    pub(super) fn add(&mut self, other: &Self) {
        let Some(others) = &other.counts else {
            return;
        };
        if self.count == 0 {
            self.clone_from(other);
            return;
        }
        let _grown = self.counts.get_or_insert_with(empty).add(others);
        self.min_ns = self.min_ns.min(other.min_ns);
        self.max_ns = self.max_ns.max(other.max_ns);
        self.sum_ns = self.sum_ns.saturating_add(other.sum_ns);
        self.count += other.count;
    }
}

fn empty() -> Histogram<u32> {
    Histogram::new(DIGITS).expect("the library takes 0 to 5 digits")
}

impl PartialEq for Latencies {
    fn eq(&self, other: &Self) -> bool {
        let exact = |of: &Self| (of.count, of.min_ns, of.max_ns, of.sum_ns);
        exact(self) == exact(other) && self.counts == other.counts
    }
}

impl Eq for Latencies {}

impl fmt::Display for Latencies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let calls = if self.count == 1 { "call" } else { "calls" };
        write!(f, "{} {calls}", self.count)?;
        if self.count == 0 {
            return Ok(());
        }
        write!(f, ": min {}, mean {}", Short(self.min()), Short(self.mean()))?;
        for percent in [50.0, 99.0] {
            write!(f, ", p{percent:.0} {}", Short(self.percentile(percent)))?;
        }
        write!(f, ", max {}", Short(self.max()))
    }
}

impl fmt::Debug for Latencies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Latencies({self})")
    }
}

/// With as many digits as are worth reading.
struct Short(Duration);

impl fmt::Display for Short {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            time if time < Duration::from_micros(1) => write!(f, "{time:?}"),
            time => write!(f, "{time:.1?}"),
        }
    }
}
