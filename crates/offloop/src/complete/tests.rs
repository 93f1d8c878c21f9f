//! The state word, and what is told before it is counted.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::state::{ORPHAN, Phase, Verdict};
use super::{CallRef, Details, Hub, Job, LaneId, Members, Policy, call, rig};
use crate::failure::{Failure, Outcome};

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
    let lane = super::Lane::new(super::LaneLimits { queue: 1, abandoned: 1, with_running: false });
    assert!(!lane.is_full(10, 11));
    assert!(!lane.is_full(10, 10));
    assert!(lane.is_full(11, 10));
}

/// A run that notes how many verdicts were counted when a member told it that it left.
struct Told(AtomicU64);

const UNTOLD: u64 = u64::MAX;

impl Members for Told {
    fn left(&self, hub: &Hub, _: Verdict) {
        self.0.store(hub.counts.timed_out.load(Ordering::Relaxed), Ordering::Relaxed);
    }

    fn fail(&self, _: Verdict) {}

    fn have_begun(&self) -> bool {
        false
    }
}

struct Nothing;

impl Job for Nothing {
    type Output = ();

    fn perform(self, _: &CallRef) -> Outcome<()> {
        Ok(())
    }
}

/// Else somebody who sees the member counted could meet its run in between, and begin it.
#[test]
fn a_shared_run_is_told_of_a_member_that_left_before_that_is_counted() {
    let (hub, _ready) = rig::hub(1);
    hub.lane(LaneId::Joined).admit().expect("room for one");
    let run = Arc::new(Told(AtomicU64::new(UNTOLD)));
    let mut policy = Policy::default();
    policy.membership = Some(run.clone());
    let details = Details { policy: Some(Box::new(policy)), ..rig::details(LaneId::Joined) };
    let (_work, _receiver, member) = call(&hub, Nothing, details);
    member.decide(Verdict::TimedOut);
    assert_eq!(run.0.load(Ordering::Relaxed), 0, "told once, and ahead of the count");
    assert_eq!(hub.counts.timed_out.load(Ordering::Relaxed), 1);
}
