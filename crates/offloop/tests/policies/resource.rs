//! `resource` and `call_on`: a value that stays on one thread. Invariant: the value notes each thread
//! that it is touched on, from its making to its drop.

use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::sync::{Arc, Mutex};
use std::thread::{self, ThreadId};
use std::time::Duration;

use offloop::{Failure, Offloop, Reason, Resource};

use crate::common::block_on::block_on;
use crate::common::probes::Drops;
use crate::common::{Count, Latch, Seen, TestLoop, explode, keep, overrun_by, wait_until};

crate::rows::rows!(Resource);

/// Not `Send`, and tells where it was.
struct Device {
    touched: Rc<()>,
    log: Arc<Mutex<Vec<ThreadId>>>,
}

impl Device {
    fn touch(&self) -> usize {
        self.log.lock().unwrap().push(thread::current().id());
        Rc::strong_count(&self.touched)
    }
}

impl Drop for Device {
    fn drop(&mut self) {
        self.touch();
    }
}

type Log = Arc<Mutex<Vec<ThreadId>>>;

fn device<S: 'static>(off: &Offloop<S>) -> (Resource<Device>, Log) {
    let log = Log::default();
    let kept = log.clone();
    let resource = off.resource(move || {
        let device = Device { touched: Rc::new(()), log: kept };
        device.touch();
        device
    });
    (resource, log)
}

/// Waits for `count` touches, all on one thread, which is not this one.
#[track_caller]
fn is_on_one_thread(log: &Log, count: usize) {
    wait_until(|| log.lock().unwrap().len() >= count);
    let log = log.lock().unwrap();
    assert_eq!(log.len(), count);
    assert!(log.iter().all(|thread| *thread == log[0] && *thread != thread::current().id()));
}

#[test]
fn a_value_is_made_used_and_dropped_on_one_thread_which_then_ends() {
    let lp = TestLoop::<Seen<usize>>::new();
    let (resource, log) = device(&lp.off);
    for _ in 0..20 {
        lp.off.call_on(&resource, |device| device.touch()).then(keep);
    }
    let handle = lp.off.handle();
    let clone = resource.clone();
    let other = thread::spawn(move || block_on(handle.call_on(&clone, |device| device.touch())));
    assert!(other.join().unwrap().is_ok());
    assert!(lp.outcomes(20).iter().all(Result::is_ok));
    is_on_one_thread(&log, 22);
    drop(resource);
    is_on_one_thread(&log, 23);
}

#[test]
fn calls_run_one_at_a_time_in_submit_order_whatever_their_priority() {
    let lp = TestLoop::<Seen<u32>>::new();
    let resource = lp.off.resource(Vec::new);
    let priorities = [offloop::Priority::Low, offloop::Priority::High, offloop::Priority::Normal];
    for number in 0..90u32 {
        let call = lp.off.call_on(&resource, move |numbers: &mut Vec<u32>| {
            assert!(numbers.iter().copied().eq(0..number));
            numbers.push(number);
            number
        });
        call.priority(priorities[number as usize % 3]).then(keep);
    }
    assert!(lp.outcomes(90).iter().all(Result::is_ok));
}

#[test]
fn a_value_that_can_not_be_made_fails_every_call_with_the_reason() {
    let lp = TestLoop::<Seen<u32>>::new();
    let made = Count::new();
    let count = made.clone();
    let resource = lp.off.resource(move || -> u32 {
        count.add();
        explode("no such device")
    });
    for _ in 0..3 {
        lp.off.call_on(&resource, |value| *value).then(keep);
        let outcome = lp.outcome();
        let Err(Failure::Panicked(panic)) = outcome else { panic!("{outcome:?}") };
        assert!(panic.to_string().contains("no such device"), "{panic}");
    }
    assert_eq!(made.get(), 1);
}

#[test]
fn a_panic_leaves_the_value_as_the_call_left_it() {
    let lp = TestLoop::<Seen<u32>>::new();
    let resource = lp.off.resource(|| 1u32);
    lp.off
        .call_on(&resource, |value| {
            *value = 2;
            explode("half way")
        })
        .then(keep);
    lp.off.call_on(&resource, |value| *value).then(keep);
    let seen = lp.outcomes(2);
    assert!(matches!(seen[..], [Err(Failure::Panicked(_)), Ok(2)]), "{seen:?}");
}

#[test]
fn a_call_that_never_returns_refuses_new_ones_and_times_waiting_ones_out() {
    let lp = TestLoop::<Seen<u32>>::new();
    let (resource, log) = device(&lp.off);
    let (latch, ran, patient) = (Latch::new(), Count::new(), Count::new());
    let seen = RefCell::new(Vec::new());
    let in_vain = overrun_by(|entry, time| {
        let (first, held) = (Latch::new(), latch.holding(1));
        let (ran, patient) = (ran.clone(), patient.clone());
        // Behind a call that runs, so that none finds its thread given up.
        let enter = first.holding(0);
        lp.off.call_on(&resource, |_| enter()).detach();
        first.entered.wait(1);
        let stuck = lp.off.call_on(&resource, move |_| {
            entry.enter();
            held()
        });
        stuck.deadline(time).then(keep);
        let waiting = lp.off.call_on(&resource, move |_| {
            ran.add();
            2
        });
        waiting.deadline(time).then(keep);
        lp.off.call_on(&resource, |_| 3).then(move |_, outcome| {
            assert!(outcome.is_ok());
            patient.add();
        });
        first.open();
        seen.replace(lp.outcomes(2));
    });
    let seen = seen.into_inner();
    assert!(seen.iter().all(|outcome| matches!(outcome, Err(Failure::TimedOut))), "{seen:?}");
    let ran_before = ran.get();
    // The count of abandoned functions follows the outcome.
    wait_until(|| match lp.off.call_on(&resource, |_| 4).try_then(|_, _| ()) {
        Ok(_) => false,
        Err(refused) => {
            assert!(matches!(refused.reason, Failure::Rejected(Reason::Abandoned)));
            true
        }
    });
    assert!(patient.get() <= in_vain);
    latch.open();
    // A call without a deadline waits until it returns.
    lp.run_until(&mut Vec::new(), |_| patient.get() > in_vain);
    assert_eq!(ran.get(), ran_before);
    drop(resource);
    wait_until(|| log.lock().unwrap().len() == 2);
    is_on_one_thread(&log, 2);
}

#[test]
fn calls_that_wait_are_run_when_the_last_handle_is_gone() {
    let lp = TestLoop::<Seen<usize>>::new();
    let (resource, log) = device(&lp.off);
    let latch = Latch::new();
    let held = latch.holding(());
    lp.off.call_on(&resource, |_| held()).detach();
    for _ in 0..5 {
        lp.off.call_on(&resource, |device| device.touch()).then(keep);
    }
    let described = lp.off.call_on(&resource, |device| device.touch());
    drop(resource);
    latch.open();
    assert!(lp.outcomes(5).iter().all(Result::is_ok));
    described.then(keep);
    assert!(lp.outcome().is_ok(), "a described call is a handle too");
    is_on_one_thread(&log, 8);
}

#[test]
fn a_shutdown_names_the_call_that_runs_and_drops_the_value_when_it_returns() {
    let lp = TestLoop::<Seen<u32>>::new();
    let (resource, log) = device(&lp.off);
    let latch = Latch::new();
    let held = latch.holding(1);
    lp.off.call_on(&resource, |_| held()).name("the device").then(keep);
    lp.off.call_on(&resource, |_| 2).then(keep);
    latch.entered.wait(1);
    let report = lp.off.shutdown(Duration::ZERO);
    assert_eq!((report.never_started, report.abandoned.len()), (1, 1), "{report:?}");
    assert_eq!(report.abandoned[0].name.as_deref(), Some("the device"));
    assert!(lp.outcomes(2).iter().all(|outcome| matches!(outcome, Err(Failure::Shutdown))));
    latch.open();
    is_on_one_thread(&log, 2);
    lp.off.call_on(&resource, |_| 3).then(keep);
    assert!(matches!(lp.outcome(), Err(Failure::Shutdown)), "there is no thread any more");
}

#[test]
fn a_shutdown_drops_a_value_that_rests_on_its_thread_before_it_returns() {
    let lp = TestLoop::<Seen<usize>>::new();
    let (resource, log) = device(&lp.off);
    lp.off.call_on(&resource, |device| device.touch()).then(keep);
    assert!(lp.outcome().is_ok());
    lp.off.shutdown(crate::common::PATIENCE);
    assert_eq!(log.lock().unwrap().len(), 3, "made, used, dropped");
    is_on_one_thread(&log, 3);
    drop(resource);
}

#[test]
fn what_never_made_its_value_is_dropped_off_the_loop_thread() {
    let (lp, drops) = (TestLoop::<Seen<u32>>::new(), Drops::new());
    let probe = drops.probe();
    let resource = lp.off.resource(move || probe.touch());
    drop(resource.clone());
    drop(resource);
    drops.were_elsewhere(1);
}

#[test]
fn a_resource_may_cross_threads_whatever_its_value_is() {
    fn crosses<T: Send + Sync + Clone>(_: &T) {}
    let lp = TestLoop::<Seen<usize>>::new();
    let (resource, log) = device(&lp.off);
    crosses(&resource);
    thread::spawn(move || drop(resource)).join().unwrap();
    assert!(log.lock().unwrap().is_empty(), "nobody called it, so it was never made");
}

#[test]
fn a_resource_of_another_offloop_is_told_so() {
    let (one, other) = (TestLoop::<Seen<u32>>::new(), TestLoop::<Seen<u32>>::new());
    let resource = one.off.resource(|| 1u32);
    for from_handle in [false, true] {
        let stray = catch_unwind(AssertUnwindSafe(|| {
            if from_handle {
                other.off.handle().call_on(&resource, |value| *value).then(keep);
            } else {
                other.off.call_on(&resource, |value| *value).then(keep);
            }
        }));
        let payload = stray.expect_err("its thread belongs to somebody else");
        let text = payload.downcast_ref::<&str>().expect("a sentence");
        assert!(text.contains("another offloop"), "{text}");
    }
}

#[test]
fn two_resources_run_at_once() {
    let lp = TestLoop::<Seen<u32>>::new();
    let (one, two) = (lp.off.resource(|| 1), lp.off.resource(|| 2));
    let latch = Latch::new();
    let gate = latch.clone();
    lp.off
        .call_on(&one, move |value| {
            gate.pass();
            *value
        })
        .then(keep);
    lp.off
        .call_on(&two, move |value| {
            latch.open();
            *value
        })
        .then(keep);
    assert!(lp.outcomes(2).iter().all(Result::is_ok));
}

#[cfg(target_os = "linux")]
mod threads {
    use super::*;
    use crate::common::alone::{alone, count_threads, offloop_threads, wait_for_threads};

    #[test]
    fn the_thread_ends_with_the_last_handle_and_with_a_shutdown() {
        alone(
            "resource::threads::the_thread_ends_with_the_last_handle_and_with_a_shutdown",
            || {
                let lp = TestLoop::<Seen<u32>>::new();
                let (one, two) = (lp.off.resource(|| 1u32), lp.off.resource(|| 2u32));
                assert_eq!(
                    count_threads("offloop-r"),
                    0,
                    "it is started when the first call comes"
                );
                lp.off.call_on(&one, |value| *value).then(keep);
                lp.off.call_on(&two, |value| *value).then(keep);
                lp.outcomes(2);
                let is_resident = |name: &&String| {
                    name.starts_with("offloop-r") && !name.starts_with("offloop-reap")
                };
                let residents = || offloop_threads().iter().filter(is_resident).count();
                assert_eq!(residents(), 2);
                drop(one);
                wait_until(|| residents() == 1);
                lp.off.shutdown(crate::common::PATIENCE);
                wait_for_threads("offloop", 0);
                drop(two);
            },
        );
    }

    #[test]
    fn a_thread_that_can_not_start_is_an_outcome_and_a_later_call_tries_again() {
        use rustix::process::{Resource as Limit, Rlimit, getrlimit, setrlimit};
        let before = getrlimit(Limit::As);
        let limit = |current| {
            setrlimit(Limit::As, Rlimit { current, ..before }).expect("it can be set");
        };
        let name = "resource::threads::a_thread_that_can_not_start_is_an_outcome_and_a_later_call_tries_again";
        alone(name, || {
            let lp = TestLoop::<Seen<u32>>::new();
            let resource = lp.off.resource(|| 1u32);
            // The keeper has started a worker, so both are past their own allocations at the start;
            // what follows needs one more stack.
            lp.off.call(|| 0).then(keep);
            lp.outcome().unwrap();
            let pages = std::fs::read_to_string("/proc/self/statm").expect("it is Linux");
            let pages: u64 = pages.split(' ').next().unwrap().parse().unwrap();
            limit(Some((pages << 12) + (1 << 20)));
            lp.off.call_on(&resource, |value| *value).then(keep);
            let refused = lp.outcome();
            limit(before.current);
            assert!(matches!(refused, Err(Failure::Rejected(Reason::NoWorker))), "{refused:?}");
            lp.off.call_on(&resource, |value| *value).then(keep);
            assert!(matches!(lp.outcome(), Ok(1)), "the value is made by the first call that runs");
        });
    }
}

#[test]
fn a_call_on_a_resource_tells_its_progress_and_hears_of_a_cancel() {
    let lp = TestLoop::<Seen<u32>>::new();
    let counter = lp.off.resource(|| 0u32);
    let stopped = Count::new();
    let seen = stopped.clone();
    let ticket = lp
        .off
        .call_on_with(&counter, move |counter, cx| {
            *counter = 7;
            cx.progress(*counter);
            while !cx.is_cancelled() {
                thread::yield_now();
            }
            seen.add();
            *counter
        })
        .on_progress(|seen: &mut Vec<_>, value: u32| seen.push(Ok(value)))
        .then(keep);
    let mut state = Vec::new();
    lp.run_until(&mut state, |state| state.len() == 1);
    assert!(matches!(state[0], Ok(7)));
    ticket.cancel();
    lp.run_until(&mut state, |state| state.len() == 2);
    stopped.wait(1);
    let value = block_on(lp.off.handle().call_on_with(&counter, |counter, _| *counter));
    assert!(matches!(value, Ok(7)));
}

#[test]
fn a_function_that_panics_when_dropped_unrun_leaves_its_thread_alive() {
    struct Bomb;
    impl Drop for Bomb {
        fn drop(&mut self) {
            explode("a function's destructor")
        }
    }
    let lp = TestLoop::<Seen<()>>::new();
    let never: Resource<()> = lp.off.resource(|| explode("no value"));
    for _ in 0..2 {
        let bomb = Bomb;
        let touch = move |_: &mut ()| {
            let _here = &bomb;
        };
        lp.off.call_on(&never, touch).then(keep);
        assert!(matches!(lp.outcome(), Err(Failure::Panicked(_))));
    }
    wait_until(|| lp.off.stats().destructor_panics == 2);
}
