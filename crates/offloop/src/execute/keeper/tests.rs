//! The timer heap: order, and the memory of calls that ended early.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::timers::{TimerHeap, Timers};
use crate::complete::{CallRef, Details, Hub, Job, LaneId, Receiver, Verdict, Work, call, rig};
use crate::failure::Outcome;

struct Nothing;

impl Job for Nothing {
    type Output = ();

    fn perform(self, _: &CallRef) -> Outcome<()> {
        Ok(())
    }
}

fn hub() -> Arc<Hub> {
    rig::hub(1 << 20).0
}

fn timed(hub: &Arc<Hub>, deadline: Instant) -> (Work, Receiver<()>) {
    hub.lane(LaneId::Threads).admit().expect("room");
    let details = Details { deadline: Some(deadline), ..rig::details(LaneId::Threads) };
    let (work, receiver, _call) = call(hub, Nothing, details);
    (work, receiver)
}

#[test]
fn timers_fire_in_order_and_not_before_their_time() {
    let (hub, timers) = (hub(), Timers::new());
    let mut heap = TimerHeap::default();
    let start = Instant::now();
    let calls: Vec<_> = [30, 10, 20, 10]
        .map(|after| start + Duration::from_secs(after))
        .map(|at| (at, timed(&hub, at)))
        .into_iter()
        .collect();
    for (at, (work, _)) in &calls {
        timers.add(*at, work.call().clone());
    }
    heap.take_in(&timers);
    let mut fired = |after| {
        let now = start + Duration::from_secs(after);
        std::iter::from_fn(|| heap.pop_due(now)).map(|call| call.deadline()).collect::<Vec<_>>()
    };
    assert_eq!(fired(9), []);
    assert_eq!(fired(20), [calls[1].0, calls[3].0, calls[2].0].map(Some));
    assert_eq!(fired(30), [Some(calls[0].0)]);
}

#[test]
fn only_a_timer_that_comes_first_rings_the_keeper_and_a_backlog_does_too() {
    let (hub, timers) = (hub(), Timers::new());
    let heap = TimerHeap::default();
    let start = Instant::now();
    let add = |after| {
        let at = start + Duration::from_secs(after);
        timers.add(at, timed(&hub, at).0.call().clone())
    };
    assert!(add(50), "the keeper sleeps without end");
    let mut heap = heap;
    heap.take_in(&timers);
    // The call above ended at once, so the heap is empty: one that lives sets the alarm.
    let at = start + Duration::from_secs(20);
    let alive = timed(&hub, at);
    timers.add(at, alive.0.call().clone());
    heap.take_in(&timers);
    assert!(heap.arm(&timers, None).is_some());
    assert!(!add(30));
    assert!(add(10));
    assert!((0..2048).any(|_| add(60)), "timers that nobody looks at pile up");
}

#[test]
fn calls_that_end_early_leave_no_timer_behind() {
    let (hub, timers) = (hub(), Timers::new());
    let mut heap = TimerHeap::default();
    let late = Instant::now() + Duration::from_secs(3600);
    let alive = timed(&hub, late);
    timers.add(late, alive.0.call().clone());
    let mut most = 0;
    for _ in 0..200 {
        let batch: Vec<_> = (0..100).map(|_| timed(&hub, late)).collect();
        for (work, _) in &batch {
            timers.add(late, work.call().clone());
        }
        heap.take_in(&timers);
        for (work, _) in batch {
            work.call().decide(Verdict::Cancelled(crate::By::Caller));
        }
        most = most.max(heap.len());
    }
    heap.take_in(&timers);
    assert!(most < 1000, "20 000 calls have ended, {most} timers were held at a time");
    assert!(heap.len() < 300);
}
