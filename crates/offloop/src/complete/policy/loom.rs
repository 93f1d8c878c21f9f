//! Models of the lines: run with `--cfg loom`.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, Weak};

use loom::thread;

use super::{Desk, LatestLine, Load, Mailbox, OrderLine, Policy, ShareLine, Turnstile};
use crate::complete::cell::{self, CallRef, Details, Job, Receiver, Work};
use crate::complete::hub::{Hub, LaneId};
use crate::complete::policy::Follow;
use crate::complete::rig;
use crate::complete::state::{Phase, Verdict};
use crate::deliver::Popper;
use crate::failure::{By, Failure, Outcome};
use crate::keyed::{Keyed, Keys};
use crate::priority::Priority;

struct Give(usize);

impl Job for Give {
    type Output = usize;

    fn perform(self, _: &CallRef) -> Outcome<usize> {
        Ok(self.0)
    }
}

/// Keeps what a turnstile lets in, for the thread that ran the one before.
#[derive(Default)]
struct Waiting(Mutex<Vec<Load>>);

impl Desk for Waiting {
    fn forward(&self, load: Load) {
        self.0.lock().expect("no panic under it").push(load);
    }

    fn cut_short(&self, _: &CallRef, _: Phase) {}
}

struct Model {
    hub: Arc<Hub>,
    ready: Popper<CallRef>,
    desk: Arc<Waiting>,
}

impl Model {
    fn new() -> Self {
        let (hub, ready) = rig::hub(8);
        let desk = Arc::new(Waiting::default());
        let weak: Weak<Waiting> = Arc::downgrade(&desk);
        hub.set_desk(weak);
        Self { hub, ready, desk }
    }

    fn call(&self, lane: LaneId, number: usize, policy: Policy) -> (Work, Receiver<usize>) {
        self.hub.lane(lane).admit().expect("room");
        let (work, receiver, _call) = cell::call(&self.hub, Give(number), details(lane, policy));
        (work, receiver)
    }

    /// The tokens of calls tell nothing here; their places in the ready queue do.
    fn handed_over(&mut self) -> Vec<CallRef> {
        std::iter::from_fn(|| self.ready.pop()).collect()
    }
}

fn details(lane: LaneId, policy: Policy) -> Details {
    Details { policy: Some(Box::new(policy)), ..rig::details(lane) }
}

fn line<L: Send + Sync + 'static>(line: L) -> Arc<Keyed<L>> {
    Keys::on_this_thread().line((), || line)
}

/// Runs a load, and then what waited for it.
fn run(desk: &Waiting, load: Option<Load>, inside: &AtomicUsize, ran: &AtomicUsize) {
    let mut next = load;
    while let Some(Load::Work(work, _)) = next {
        assert_eq!(inside.fetch_add(1, Ordering::Relaxed), 0, "one at a time");
        ran.fetch_add(1, Ordering::Relaxed);
        inside.fetch_sub(1, Ordering::Relaxed);
        drop(work.try_run());
        next = desk.0.lock().expect("no panic under it").pop();
    }
}

/// Two serial calls race: each runs once, and none is left at the turnstile.
#[test]
fn a_turnstile_leaves_no_call_behind() {
    loom::model(|| {
        let model = Model::new();
        let serial = line(Turnstile::new(1));
        let counts = Arc::new((AtomicUsize::new(0), AtomicUsize::new(0)));
        let calls = [0, 1].map(|number| {
            let policy = Policy { serial: Some(serial.clone()), ..Policy::default() };
            model.call(LaneId::Threads, number, policy)
        });
        let mut receivers = Vec::new();
        let threads: Vec<_> = calls
            .into_iter()
            .map(|(work, receiver)| {
                receivers.push(receiver);
                let (desk, counts) = (model.desk.clone(), counts.clone());
                thread::spawn(move || {
                    let call = work.call().clone();
                    let policy = call.policy().expect("it is serial");
                    let load = policy.enter(Load::Work(work, Priority::Normal));
                    run(&desk, load, &counts.0, &counts.1);
                })
            })
            .collect();
        for thread in threads {
            thread.join().expect("no panic");
        }
        assert_eq!(counts.1.load(Ordering::Relaxed), 2);
    });
}

/// An inline call ends while the one before it leaves: its place is given back, or never taken.
#[test]
fn a_place_is_never_lost_to_a_call_that_is_gone() {
    loom::model(|| {
        let model = Model::new();
        let serial = line(Turnstile::new(1));
        let policy = || Policy { serial: Some(serial.clone()), ..Policy::default() };
        let (first, _first) = model.call(LaneId::Threads, 0, policy());
        let (second, _second) = model.call(LaneId::Inline, 1, policy());
        let call = first.call().clone();
        let load = call.policy().expect("serial").enter(Load::Work(first, Priority::Normal));
        let waits = second.call().clone();
        let kept = waits.policy().expect("serial").enter(Load::StandBy(waits.clone()));
        assert!(kept.is_none(), "the place is taken");
        let Some(Load::Work(first, _)) = load else { unreachable!("the first one is let in") };
        let ends = thread::spawn(move || drop(second));
        drop(first.try_run());
        ends.join().expect("no panic");
        model.desk.0.lock().expect("no panic under it").clear();
        let (third, _third) = model.call(LaneId::Threads, 2, policy());
        let call = third.call().clone();
        let load = call.policy().expect("serial").enter(Load::Work(third, Priority::Normal));
        assert!(load.is_some(), "the place is free");
    });
}

/// Two calls of one key are decided at once, by two threads: they are handed over in order.
#[test]
fn an_order_survives_two_deciders() {
    loom::model(|| {
        let mut model = Model::new();
        let order = line(OrderLine::new());
        let mut calls = [0, 1].map(|number| {
            let policy = Policy { order: Some(order.clone()), ..Policy::default() };
            model.call(LaneId::Threads, number, policy)
        });
        let ids = calls.each_ref().map(|(work, _)| work.call().id());
        let cancelled = calls[1].0.call().clone();
        let cancel = thread::spawn(move || {
            cancelled.decide(Verdict::Cancelled(By::Caller));
        });
        let [(first, _), (second, _)] = &mut calls;
        let _ = second;
        first.call().decide(Verdict::TimedOut);
        cancel.join().expect("no panic");
        let seen: Vec<_> = model.handed_over().iter().map(CallRef::id).collect();
        assert_eq!(seen, ids);
    });
}

/// A function finishes while a newer call comes: its value is not delivered after that.
#[test]
fn a_superseded_value_is_not_delivered() {
    loom::model(|| {
        let model = Model::new();
        let latest = line(LatestLine::new());
        let policy = || Policy { latest: Some(latest.clone()), ..Policy::default() };
        let (work, mut older) = model.call(LaneId::Threads, 0, policy());
        let finish = thread::spawn(move || {
            drop(work.try_run());
        });
        let (newer, _receiver) = model.call(LaneId::Threads, 1, policy());
        newer.call().policy().expect("it has a key").submitted();
        finish.join().expect("no panic");
        let outcome = older.take().expect("decided");
        assert!(matches!(outcome, Err(Failure::Cancelled(By::Superseded))), "{outcome:?}");
    });
}

/// An inline call is let go and cancelled at once: it enters the ready queue once.
#[test]
fn an_inline_call_stands_once() {
    loom::model(|| {
        let mut model = Model::new();
        let (work, _receiver) = model.call(LaneId::Inline, 0, Policy::default());
        let call = work.call().clone();
        let cancel = thread::spawn(move || {
            call.decide(Verdict::Cancelled(By::Caller));
        });
        work.call().stand_by();
        cancel.join().expect("no panic");
        assert_eq!(model.handed_over().len(), 1);
    });
}

/// A run ends while its only member leaves: the member is decided once, and told once.
#[test]
fn a_flight_ends_its_members_once() {
    loom::model(|| {
        let mut model = Model::new();
        let share = line(ShareLine::<usize>::new(|value| *value));
        let hub = model.hub.clone();
        hub.lane(LaneId::Joined).admit().expect("room");
        let (mut receiver, lead) = share.board(|membership, seat| {
            let policy = Policy { membership: Some(membership), ..Policy::default() };
            let details = details(LaneId::Joined, policy);
            let (work, receiver, _call) = cell::call(&hub, Follow(seat), details);
            (work, receiver)
        });
        let shared = lead.expect("it leads");
        let member = receiver.call().clone();
        let leaves = thread::spawn(move || {
            member.decide(Verdict::Cancelled(By::Caller));
        });
        for (work, seat) in shared.close() {
            seat.leave(Ok(7));
            let flight = work.call().clone();
            work.complete(&flight);
        }
        leaves.join().expect("no panic");
        assert!(receiver.take().is_some(), "decided");
        assert_eq!(model.handed_over().len(), 1);
        assert!(!share.is_open());
    });
}

/// A function that waits for room is woken by the end of its call.
#[test]
fn a_function_does_not_wait_for_room_for_ever() {
    loom::model(|| {
        let model = Model::new();
        let mailbox = Mailbox::<usize>::with_room(1);
        let policy = Policy { mail: Some(mailbox.clone()), ..Policy::default() };
        let (work, receiver) = model.call(LaneId::Threads, 0, policy);
        let call = receiver.call().clone();
        let function = {
            let (mailbox, call) = (mailbox.clone(), call.clone());
            thread::spawn(move || {
                let this: Arc<dyn super::Mail> = mailbox.clone();
                mailbox.put(&this, &call, 1);
                mailbox.put(&this, &call, 2);
            })
        };
        call.decide(Verdict::Cancelled(By::Caller));
        function.join().expect("it ends");
        drop(work);
    });
}
