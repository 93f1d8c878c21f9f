//! `serial`: the functions of one key run one at a time. Invariant: a function counts itself in and
//! out, so that two at once are seen whenever they happen.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use offloop::{By, Failure, Threads};

use crate::common::probes::Drops;
use crate::common::{Count, Hold, Latch, Seen, TestLoop, keep, overrun_by, wait_until};

crate::rows::rows!(Serial);

/// Counts who is inside.
#[derive(Clone, Default)]
struct Room(Arc<AtomicUsize>);

impl Room {
    fn alone<T>(&self, f: impl FnOnce() -> T) -> T {
        assert_eq!(self.0.fetch_add(1, Ordering::SeqCst), 0, "two at once");
        let value = f();
        self.0.fetch_sub(1, Ordering::SeqCst);
        value
    }
}

#[test]
fn never_two_at_once_and_in_submit_order_whatever_the_executor() {
    let lp = TestLoop::<Seen<u32>>::new();
    let (room, log) = (Room::default(), Arc::new(Mutex::new(Vec::new())));
    let handle = lp.off.handle();
    for number in 0..300 {
        let (room, log) = (room.clone(), log.clone());
        let function = move || {
            room.alone(|| {
                thread::yield_now();
                log.lock().unwrap().push(number);
                number
            })
        };
        match number % 4 {
            0 => lp.off.call(function).serial("key").then(keep),
            1 => handle.call(function).serial("key").cores().then(keep),
            2 => lp.off.call(function).inline().serial("key").then(keep),
            _ => lp.off.call(function).serial("key").cores().then(keep),
        };
    }
    assert!(lp.outcomes(300).iter().all(Result::is_ok));
    assert!(log.lock().unwrap().iter().copied().eq(0..300), "submit order");
}

#[test]
fn two_keys_run_at_once() {
    let lp = TestLoop::<Seen<u32>>::new();
    let latch = Latch::new();
    lp.off.call(latch.holding(1)).serial(1).then(keep);
    lp.off
        .call(move || {
            latch.open();
            2
        })
        .serial(2)
        .then(keep);
    assert!(lp.outcomes(2).iter().all(Result::is_ok), "neither waits for the other's key");
}

#[test]
fn a_function_that_does_not_return_holds_the_others_up_to_their_own_deadlines() {
    let lp = TestLoop::<Seen<u32>>::new();
    let (latch, entered, room) = (Latch::new(), Count::new(), Room::default());
    let (gate, enter, alone) = (latch.clone(), entered.clone(), room.clone());
    let stuck = lp.off.call(move || {
        alone.alone(|| {
            enter.add();
            gate.pass();
            0
        })
    });
    stuck.serial("key").then(|_, _| ());
    entered.wait(1);
    // It is given up itself, and still the only one that may run.
    let ran = Count::new();
    for time in [10, 20, 30] {
        let (ran, room) = (ran.clone(), room.clone());
        let call = lp.off.call(move || {
            room.alone(|| ran.add());
            time
        });
        call.serial("key").deadline(Duration::from_millis(time.into())).then(keep);
    }
    assert!(lp.outcomes(3).iter().all(|outcome| matches!(outcome, Err(Failure::TimedOut))));
    let alone = room.clone();
    let patient = lp.off.call(move || alone.alone(|| 4)).serial("key").then(keep);
    thread::sleep(Duration::from_millis(20));
    assert!(!patient.is_done(), "it waits for the function that does not return");
    latch.open();
    wait_until(|| patient.is_done());
    assert_eq!(ran.get(), 0, "what timed out in the line does not run");
}

#[test]
fn a_function_past_its_deadline_is_still_the_only_one() {
    let lp = TestLoop::<Seen<u32>>::new();
    let (latch, room) = (Latch::new(), Room::default());
    let (ran, heard) = (Count::new(), Count::new());
    let in_vain = overrun_by(|entry, time| {
        let (gate, room) = (latch.clone(), room.clone());
        let (next_room, ran, heard) = (room.clone(), ran.clone(), heard.clone());
        let late = lp.off.call(move || {
            room.alone(|| {
                entry.enter();
                gate.pass();
                0
            })
        });
        late.serial("key").deadline(time).then(keep);
        let next = lp.off.call(move || {
            next_room.alone(|| ran.add());
            1
        });
        next.serial("key").then(move |_, outcome| {
            assert!(matches!(outcome, Ok(1)));
            heard.add();
        });
        assert!(matches!(lp.outcome(), Err(Failure::TimedOut)));
    });
    thread::sleep(Duration::from_millis(20));
    assert_eq!(ran.get(), in_vain, "the next one waits until the late one has returned");
    // The count follows the outcome.
    wait_until(|| lp.off.stats().threads.abandoned == 1);
    latch.open();
    lp.run_until(&mut Vec::new(), |_| heard.get() > in_vain);
}

#[test]
fn a_call_that_will_not_run_holds_nobody_up() {
    let lp = TestLoop::<Seen<u32>>::with(|builder| builder.threads(Threads::new().max(1)));
    let hold = Hold::threads(&lp.off, 1);
    lp.off.call(|| 1).serial("late").deadline(Duration::from_millis(10)).then(keep);
    lp.off.call(|| 2).serial("late").cores().then(keep);
    let seen = lp.outcomes(2);
    assert!(matches!(seen[..], [Err(Failure::TimedOut), Ok(2)]), "{seen:?}");
    let ticket = lp.off.call(|| 1).serial("cancelled").then(keep);
    lp.off.call(|| 2).serial("cancelled").cores().then(keep);
    ticket.cancel();
    let seen = lp.outcomes(2);
    assert!(matches!(seen[..], [Err(Failure::Cancelled(By::Caller)), Ok(2)]), "{seen:?}");
    drop(hold);
}

#[test]
fn jobs_that_ended_in_the_line_are_dropped_off_the_loop_thread() {
    let lp = TestLoop::<Seen<u32>>::new();
    let (latch, drops) = (Latch::new(), Drops::new());
    lp.off.call(latch.holding(())).serial("key").detach();
    for _ in 0..10 {
        let probe = drops.probe();
        let call = lp.off.call(move || {
            probe.touch();
            1
        });
        call.serial("key").then(keep).cancel();
    }
    assert!(lp.outcomes(10).iter().all(Result::is_err));
    latch.open();
    drops.were_elsewhere(10);
}

#[test]
fn a_line_that_waits_at_the_end_is_shut_down_and_dropped_off_the_loop_thread() {
    let drops = Drops::new();
    let lp = TestLoop::<Seen<u32>>::new();
    let latch = Latch::new();
    lp.off.call(latch.holding(())).serial("key").detach();
    latch.entered.wait(1);
    for _ in 0..10 {
        let probe = drops.probe();
        let call = lp.off.call(move || {
            probe.touch();
            1
        });
        call.serial("key").then(keep);
    }
    lp.off.close();
    assert!(lp.outcomes(10).iter().all(|outcome| matches!(outcome, Err(Failure::Shutdown))));
    drops.were_elsewhere(10);
    latch.open();
}

/// Takes the first call, and gives all later ones back.
#[derive(Default)]
struct TakesOne(std::sync::Mutex<Option<std::sync::mpsc::Sender<offloop::Work>>>);

impl offloop::Executor for TakesOne {
    fn submit(&self, work: offloop::Work) -> Result<(), offloop::Work> {
        match self.0.lock().unwrap().take() {
            Some(thread) => thread.send(work).map_err(|unsent| unsent.0),
            None => Err(work),
        }
    }
}

#[test]
fn a_row_of_calls_that_are_given_back_is_no_recursion() {
    const CALLS: usize = 20_000;
    let (thread, works) = std::sync::mpsc::channel::<offloop::Work>();
    let worker = std::thread::spawn(move || works.into_iter().for_each(offloop::Work::run));
    let executor = TakesOne(std::sync::Mutex::new(Some(thread)));
    let lp = TestLoop::<Seen<()>>::with(|builder| builder.threads_on(executor));
    let latch = Latch::new();
    lp.off.call(latch.holding(())).serial("key").then(keep);
    for _ in 1..CALLS {
        lp.off.call(|| ()).serial("key").then(keep);
    }
    latch.open();
    let refused = lp.outcomes(CALLS).into_iter().filter(Result::is_err).count();
    assert_eq!(refused, CALLS - 1);
    worker.join().unwrap();
}
