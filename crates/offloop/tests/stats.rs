//! How long calls waited and ran: which stretch of which call counts. Invariant: a sleep is a lower
//! bound of what is measured around it; nothing is measured against an upper one.

mod common;

use std::future::IntoFuture;
use std::pin::Pin;
use std::sync::{Arc, mpsc};
use std::task::{Context as TaskContext, Wake, Waker};
use std::thread;
use std::time::Duration;

use common::block_on::block_on;
use common::{Count, Hold, Latch, Seen, TestLoop, explode, keep, overrun, wait_until};
use offloop::{Builder, CallStats, Cores, ExecutorStats, Failure, Latencies, Stats, Threads, Turn};

const STEP: Duration = Duration::from_millis(3);

fn one_thread() -> TestLoop<Seen<()>> {
    TestLoop::with(|builder| builder.threads(Threads::new().max(1)))
}

/// How many times were counted: of the queue wait, the run and the delivery wait.
fn counts(stats: &CallStats) -> [u64; 3] {
    [&stats.queue_wait, &stats.run, &stats.delivery_wait].map(Latencies::count)
}

fn executor_counts(stats: &ExecutorStats) -> [u64; 3] {
    [&stats.queue_wait, &stats.run, &stats.delivery_wait].map(Latencies::count)
}

/// The entry of the calls named "seen".
fn seen<S>(lp: &TestLoop<S>) -> CallStats {
    lp.off.stats().names.remove("seen").unwrap_or_default()
}

#[test]
fn the_three_times_of_a_call_are_measured_one_after_another() {
    for cores in [false, true] {
        let lp = TestLoop::<Seen<()>>::with(|builder: Builder<_>| {
            builder.threads(Threads::new().max(1)).cores(Cores::new().workers(1))
        });
        let place = |call: offloop::Call<_, _>| if cores { call.cores() } else { call.threads() };
        let latch = Latch::new();
        let holds: Box<dyn FnOnce() + Send> = Box::new(latch.holding(()));
        place(lp.off.call(holds)).detach();
        latch.entered.wait(1);
        let sleeps: Box<dyn FnOnce() + Send> = Box::new(|| thread::sleep(2 * STEP));
        let ticket = place(lp.off.call(sleeps)).name("seen").then(keep);
        thread::sleep(STEP);
        latch.open();
        wait_until(|| ticket.is_done());
        assert_eq!(seen(&lp), CallStats::default(), "it is not delivered");
        thread::sleep(3 * STEP);
        assert!(lp.outcome().is_ok());
        let stats = lp.off.stats();
        let call = &stats.names["seen"];
        assert_eq!(counts(call), [1, 1, 1]);
        assert!(call.queue_wait.min() >= STEP, "{call:?}");
        assert!(call.run.min() >= 2 * STEP, "{call:?}");
        assert!(call.delivery_wait.min() >= 3 * STEP, "{call:?}");
        let (used, idle) =
            if cores { (stats.cores, stats.threads) } else { (stats.threads, stats.cores) };
        assert_eq!((executor_counts(&used), executor_counts(&idle)), ([2, 2, 2], [0, 0, 0]));
        assert_eq!(used.run.max(), used.run.percentile(100.0));
    }
}

#[test]
fn an_inline_call_waits_for_its_turn() {
    let lp = TestLoop::<Seen<()>>::new();
    lp.off.call(|| thread::sleep(STEP)).inline().name("seen").then(keep);
    thread::sleep(STEP);
    assert!(lp.outcome().is_ok());
    let stats = lp.off.stats();
    assert_eq!(executor_counts(&stats.inline), [1, 1, 1]);
    assert!(stats.inline.queue_wait.min() >= STEP && stats.inline.run.min() >= STEP);
    assert_eq!(counts(&stats.names["seen"]), [1, 1, 1]);

    let ticket = lp.off.call(|| unreachable!("cancelled")).inline().name("gone").then(keep);
    ticket.cancel();
    assert!(matches!(lp.outcome(), Err(Failure::Cancelled(_))));
    assert_eq!(counts(&lp.off.stats().names["gone"]), [1, 0, 1], "it did not run");
}

#[test]
fn a_call_that_ends_in_the_queue_has_a_queue_wait_and_no_run() {
    let lp = one_thread();
    let _hold = Hold::threads(&lp.off, 1);
    lp.off.call(|| ()).deadline(STEP).name("timed out").then(keep);
    let ticket = lp.off.call(|| ()).name("cancelled").then(keep);
    thread::sleep(STEP);
    ticket.cancel();
    lp.outcomes(2);
    let stats = lp.off.stats();
    for name in ["timed out", "cancelled"] {
        let call = &stats.names[name];
        assert_eq!(counts(call), [1, 0, 1], "{name}");
        assert!(call.queue_wait.min() >= STEP, "{name}: {call:?}");
    }
}

#[test]
fn a_call_that_a_shutdown_finds_queued_has_a_queue_wait_and_no_run() {
    let lp = one_thread();
    let hold = Hold::threads(&lp.off, 1);
    lp.off.call(|| ()).name("seen").then(keep);
    lp.off.close();
    assert!(matches!(lp.outcome(), Err(Failure::Shutdown)));
    assert_eq!(counts(&seen(&lp)), [1, 0, 1]);
    hold.open();
}

#[test]
fn a_run_counts_up_to_the_end_of_its_call_though_the_function_goes_on() {
    let lp = TestLoop::<Seen<()>>::new();
    let latch = Latch::new();
    let in_vain = overrun(&lp, false, || {
        let latch = latch.clone();
        move |_| latch.pass()
    });
    let threads = lp.off.stats().threads;
    assert_eq!((threads.run.count(), threads.queue_wait.count()), (1, in_vain as u64 + 1));

    let (entered, inside) = mpsc::channel();
    let pass = latch.clone();
    let call = lp.off.call(move || {
        entered.send(()).unwrap();
        pass.pass();
    });
    let ticket = call.name("cancelled").then(keep);
    inside.recv().unwrap();
    thread::sleep(STEP);
    ticket.cancel();
    assert!(matches!(lp.outcome(), Err(Failure::Cancelled(_))));
    let before = lp.off.stats().names["cancelled"].clone();
    assert_eq!(counts(&before), [1, 1, 1]);
    assert!(before.run.min() >= STEP);

    latch.open();
    wait_until(|| lp.off.stats().threads.running == 0);
    assert_eq!(lp.off.stats().names["cancelled"], before, "its return changes nothing");
}

#[test]
fn a_refused_call_waits_for_its_delivery_alone() {
    let lp = TestLoop::<Seen<()>>::with(|builder| builder.threads(Threads::new().max(1).queue(1)));
    let _hold = Hold::threads(&lp.off, 1);
    lp.off.call(|| ()).detach();
    lp.off.call(|| ()).name("seen").then(keep);
    thread::sleep(STEP);
    assert!(matches!(lp.outcome(), Err(Failure::Rejected(_))));
    assert_eq!(counts(&seen(&lp)), [0, 0, 1]);
    assert!(seen(&lp).delivery_wait.min() >= STEP);
    assert!(lp.off.call(|| ()).name("given back").try_then(keep).is_err());
    assert!(block_on(lp.off.call(|| ()).name("refused and awaited")).is_err());
    lp.turn(&mut Vec::new());
    let names: Vec<_> = lp.off.stats().names.into_keys().collect();
    assert_eq!(names, ["refused and awaited", "seen"]);
}

#[test]
fn panics_and_detached_calls_and_those_of_handles_count() {
    let lp = one_thread();
    lp.off.call(|| explode("counted")).name("panicked").then(keep);
    lp.off.call(|| 7).name("detached").detach();
    lp.off.call(|| explode("unheard")).name("detached").detach();
    let handle = lp.off.handle();
    thread::spawn(move || handle.call(|| ()).name("of a handle").then(keep)).join().unwrap();
    let mut state = Vec::new();
    lp.run_until(&mut state, |_| lp.off.stats().delivered == 4);
    let stats = lp.off.stats();
    let all: Vec<_> =
        stats.names.iter().map(|(name, call)| (name.as_ref(), counts(call))).collect();
    assert_eq!(all, [("detached", [2, 2, 2]), ("of a handle", [1, 1, 1]), ("panicked", [1, 1, 1])]);
    assert_eq!(executor_counts(&stats.threads), [4, 4, 4]);
}

struct Woken(Count);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.add();
    }
}

#[test]
fn an_awaited_call_counts_when_its_task_takes_the_outcome() {
    let lp = one_thread();
    let mut future = Box::pin(lp.off.call(|| thread::sleep(STEP)).name("seen").into_future());
    let woken = Count::new();
    let waker = Waker::from(Arc::new(Woken(woken.clone())));
    let mut poll = || Future::poll(Pin::new(&mut future), &mut TaskContext::from_waker(&waker));
    assert!(poll().is_pending());
    woken.wait(1);
    assert_eq!(counts(&seen(&lp)), [0, 0, 0]);
    thread::sleep(STEP);
    assert!(poll().is_ready());
    assert_eq!(counts(&seen(&lp)), [1, 1, 1]);
    assert!(seen(&lp).run.min() >= STEP && seen(&lp).delivery_wait.min() >= STEP);

    let handle = lp.off.handle();
    thread::spawn(move || block_on(handle.call(|| ()).name("seen"))).join().unwrap().unwrap();
    assert_eq!(counts(&seen(&lp)), [2, 2, 2], "both books are added up");

    let inline = lp.off.call(|| ()).inline().name("inline").into_future();
    let mut inline = Box::pin(inline);
    let mut cx = TaskContext::from_waker(Waker::noop());
    assert!(Future::poll(inline.as_mut(), &mut cx).is_pending());
    lp.turn(&mut Vec::new());
    assert!(Future::poll(inline.as_mut(), &mut cx).is_ready());
    assert_eq!(counts(&lp.off.stats().names["inline"]), [1, 1, 1], "its task was woken");
}

#[test]
fn calls_that_share_a_run_are_counted_one_by_one() {
    let lp = one_thread();
    let hold = Hold::threads(&lp.off, 1);
    let latch = Latch::new();
    let (entered, inside) = mpsc::channel();
    let fetch = |name: &'static str| {
        let (latch, entered) = (latch.clone(), entered.clone());
        let call = lp.off.call(move || {
            entered.send(()).unwrap();
            latch.pass();
        });
        call.share("page").name(name)
    };
    fetch("first").then(keep);
    fetch("first").then(keep);
    thread::sleep(STEP);
    hold.open();
    inside.recv().unwrap();
    thread::sleep(STEP);
    fetch("late").then(keep);
    let gone = fetch("gone").then(keep);
    gone.cancel();
    thread::sleep(STEP);
    latch.open();
    lp.outcomes(4);
    let stats = lp.off.stats();
    let [first, late, gone] = ["first", "late", "gone"].map(|name| &stats.names[name]);
    assert_eq!([counts(first), counts(late), counts(gone)], [[2, 2, 2], [1, 1, 1], [1, 0, 1]]);
    assert!(first.queue_wait.min() >= STEP && first.run.min() >= 2 * STEP, "{first:?}");
    assert_eq!(late.queue_wait.max(), Duration::ZERO, "it joined a run");
    assert!(late.run.min() >= STEP, "{late:?}");
    // With the one that held the thread; the shared run is none.
    assert_eq!(executor_counts(&stats.threads), [5, 4, 5]);
}

#[test]
fn what_a_policy_holds_up_counts_as_wait() {
    let lp = TestLoop::<Seen<()>>::new();
    let latch = Latch::new();
    lp.off.call(latch.holding(())).serial("one at a time").then(keep);
    lp.off.call(|| ()).serial("one at a time").name("serial").then(keep);
    lp.off.call(latch.holding(())).in_order("in order").then(keep);
    let second = lp.off.call(|| ()).in_order("in order").name("ordered").then(keep);
    wait_until(|| second.is_done());
    thread::sleep(STEP);
    latch.open();
    lp.outcomes(4);
    let stats = lp.off.stats();
    let (serial, ordered) = (&stats.names["serial"], &stats.names["ordered"]);
    assert_eq!((counts(serial), counts(ordered)), ([1, 1, 1], [1, 1, 1]));
    assert!(serial.queue_wait.min() >= STEP, "behind the other's run: {serial:?}");
    assert!(ordered.delivery_wait.min() >= STEP, "behind the other's handler: {ordered:?}");
}

#[test]
fn the_calls_of_resources_are_counted_together() {
    let lp = TestLoop::<Seen<()>>::new();
    for _ in 0..2 {
        let resource = lp.off.resource(|| 0_u32);
        lp.off.call_on(&resource, |count| *count += 1).then(keep);
        lp.outcome().unwrap();
    }
    let stats = lp.off.stats();
    assert_eq!(executor_counts(&stats.resources), [2, 2, 2]);
    assert_eq!(executor_counts(&stats.threads), [0, 0, 0]);
}

#[test]
fn a_call_nobody_hears_of_is_not_counted() {
    let lp = one_thread();
    let latch = Latch::new();
    let mut dropped = Box::pin(lp.off.call(latch.holding(())).name("seen").into_future());
    let polled = Future::poll(dropped.as_mut(), &mut TaskContext::from_waker(Waker::noop()));
    assert!(polled.is_pending());
    drop(dropped);
    latch.open();
    wait_until(|| lp.off.stats().threads.running == 0 && lp.off.stats().threads.queued == 0);
    lp.turn(&mut Vec::new());
    assert_eq!(lp.off.stats().names.len(), 0);
}

#[test]
fn a_loop_that_makes_a_call_now_and_then_has_all_of_them_timed() {
    let turn = Turn { max_calls: 8, ..Turn::default() };
    let lp = TestLoop::<Seen<()>>::with(|builder| builder.turn(turn));
    // More than are timed for sure in one window of time.
    for call in 1..=100 {
        lp.off.call(|| ()).inline().name("seen").then(keep);
        thread::sleep(Duration::from_micros(300));
        assert!(lp.outcome().is_ok());
        assert_eq!(seen(&lp).run.count(), call);
    }
}

#[test]
fn names_beyond_the_limit_share_an_entry() {
    let lp = TestLoop::<()>::new();
    for number in 0..1000 {
        lp.off.call(|| ()).inline().name(format!("call {number}")).then(|(), _| {});
        lp.turn(&mut ());
        thread::sleep(Duration::from_micros(200));
    }
    let stats = lp.off.stats();
    assert_eq!(stats.names.len(), 257);
    let counted = stats.names.values().map(|call| call.run.count()).sum::<u64>();
    assert_eq!(counted, stats.inline.run.count());
    assert_eq!(stats.names[Stats::OTHER_NAMES].run.count(), counted - 256);
}
