//! What the samples come to.

use super::spread::{Samples, Spread};

fn spread(values: &[f64]) -> Option<Spread> {
    let mut samples = Samples::default();
    values.iter().for_each(|&value| samples.push(value));
    samples.spread()
}

#[test]
fn quartiles_are_values_of_the_sample_in_order() {
    let found = spread(&[5.0, 1.0, 4.0, 2.0, 3.0]);
    assert_eq!(found, Some(Spread { samples: 5, q1: 2.0, median: 3.0, q3: 4.0 }));
    let one = spread(&[7.0]);
    assert_eq!(one, Some(Spread { samples: 1, q1: 7.0, median: 7.0, q3: 7.0 }));
    assert_eq!(spread(&[]), None);
}

#[test]
fn one_wild_sample_moves_neither_the_median_nor_the_quartiles() {
    let calm: Vec<f64> = (1..=100).map(f64::from).collect();
    let mut wild = calm.clone();
    wild[99] = 1e12;
    assert_eq!(spread(&calm), spread(&wild));
}
