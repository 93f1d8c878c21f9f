//! The state word.

use super::state::{ORPHAN, Phase, Verdict};
use crate::failure::Failure;

#[test]
fn every_phase_survives_its_word() {
    let plain = [Phase::Queued, Phase::Running, Phase::Done];
    let failed = Verdict::ALL.map(Phase::Failed);
    for phase in plain.into_iter().chain(failed) {
        assert_eq!(Phase::unpack(phase.pack()), phase);
        assert_eq!(Phase::unpack(phase.pack() | ORPHAN), phase);
        assert_eq!(phase.pack() & ORPHAN, 0);
    }
}

#[test]
fn a_verdict_keeps_its_reason_as_a_failure() {
    for verdict in Verdict::ALL {
        let same = match (verdict, Failure::from(verdict)) {
            (Verdict::TimedOut, Failure::TimedOut) => true,
            (Verdict::Shutdown, Failure::Shutdown) => true,
            (Verdict::Cancelled(a), Failure::Cancelled(b)) => a == b,
            (Verdict::Rejected(a), Failure::Rejected(b)) => a == b,
            _ => false,
        };
        assert!(same, "{verdict:?}");
    }
}

/// A submitter that is slow to bring its look up to date finds that others have come and left.
#[test]
fn a_queue_is_not_full_of_calls_that_have_left() {
    let lane = super::Lane::new(super::LaneLimits { queue: 1, abandoned: 1 });
    assert!(!lane.is_full(10, 11));
    assert!(!lane.is_full(10, 10));
    assert!(lane.is_full(11, 10));
}
