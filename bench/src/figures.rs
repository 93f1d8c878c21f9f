//! Medians and bootstrap intervals. Invariant: the same values and the same seed give the same
//! interval.

use fastrand::Rng;
use serde::Serialize;

const RESAMPLES: usize = 4000;

/// A median with the 95 % interval that resampling gives it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(crate) struct Figure {
    pub(crate) median: f64,
    pub(crate) low: f64,
    pub(crate) high: f64,
}

pub(crate) fn median(values: &[f64]) -> f64 {
    middle(&mut values.to_vec())
}

/// The median; of an even number of values, the mean of the middle two. Sorts the values.
pub(crate) fn middle(values: &mut [f64]) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    match values.len() {
        0 => f64::NAN,
        len if len % 2 == 1 => values[len / 2],
        len => f64::midpoint(values[len / 2 - 1], values[len / 2]),
    }
}

/// The median of `values`, with the 2.5th and the 97.5th percentile of the medians of samples
/// drawn from them with replacement.
pub(crate) fn bootstrap(values: &[f64], rng: &mut Rng) -> Figure {
    let mut sample = values.to_vec();
    let mut medians: Vec<f64> = (0..RESAMPLES)
        .map(|_| {
            sample.fill_with(|| values[rng.usize(..values.len())]);
            middle(&mut sample)
        })
        .collect();
    medians.sort_unstable_by(f64::total_cmp);
    let cut = RESAMPLES / 40;
    Figure { median: median(values), low: medians[cut], high: medians[RESAMPLES - 1 - cut] }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_the_middle_value() {
        assert_eq!(median(&[3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(&[4.0, 1.0, 2.0, 3.0]), 2.5);
    }

    #[test]
    fn values_that_agree_have_a_narrow_interval_and_scattered_ones_a_wide_one() {
        let mut rng = Rng::with_seed(1);
        let same = bootstrap(&[2.0; 30], &mut rng);
        assert_eq!(same, Figure { median: 2.0, low: 2.0, high: 2.0 });
        let scattered: Vec<f64> = (0..30).map(f64::from).collect();
        let wide = bootstrap(&scattered, &mut rng);
        assert!(wide.low < 12.0 && wide.high > 17.0, "{wide:?}");
        assert!(wide.low < wide.median && wide.median < wide.high, "{wide:?}");
    }
}
