//! A figure with its spread. Invariant: the quartiles are values that were measured, in order.

use serde::Serialize;

/// Samples of one kind; its document is what they come to.
#[derive(Clone, Debug, Default)]
pub(crate) struct Samples(Vec<f64>);

/// The median, and the values that a quarter and three quarters do not exceed.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(crate) struct Spread {
    pub(crate) samples: usize,
    pub(crate) q1: f64,
    pub(crate) median: f64,
    pub(crate) q3: f64,
}

impl Samples {
    pub(crate) fn push(&mut self, value: f64) {
        self.0.push(value);
    }

    /// `None` without a sample.
    pub(crate) fn spread(&self) -> Option<Spread> {
        let mut sorted = self.0.clone();
        sorted.sort_by(f64::total_cmp);
        let last = sorted.len().checked_sub(1)?;
        let quarter = |quarters: usize| sorted[(last * quarters + 2) / 4];
        Some(Spread { samples: sorted.len(), q1: quarter(1), median: quarter(2), q3: quarter(3) })
    }
}

impl Serialize for Samples {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        self.spread().serialize(to)
    }
}
