//! The limits of async calls. Invariant: no more are promised than can be counted.

use super::AsyncCalls;
use crate::complete::RUNNING_MAX;

#[test]
fn every_limit_works() {
    let max = |calls| AsyncCalls::new().max(calls).max;
    assert_eq!((max(0), max(7), max(usize::MAX)), (1, 7, RUNNING_MAX));
}
