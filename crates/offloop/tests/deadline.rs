//! G7: a deadline starts at the submit and is kept, whatever the function does. Invariant: a test
//! waits for an outcome that is late on no machine, or checks that none was early.

mod common;

use std::time::{Duration, Instant};

use common::{Count, Hold, Latch, Seen, TestLoop, keep, overrun, wait_until};
use offloop::{Context, Failure, Outcome, Threads};

const HOUR: Duration = Duration::from_secs(3600);

fn is_timeout<T>(outcome: &Outcome<T>) -> bool {
    matches!(outcome, Err(Failure::TimedOut))
}

#[test]
fn the_wait_in_the_queue_counts() {
    let lp = TestLoop::<Seen<()>>::with(|builder| builder.threads(Threads::new().max(1)));
    let (hold, ran) = (Hold::threads(&lp.off, 1), Count::new());
    let counted = ran.clone();
    let began = Instant::now();
    lp.off.call(move || counted.add()).deadline(Duration::from_millis(30)).then(keep);
    assert!(is_timeout(&lp.outcome()));
    assert!(began.elapsed() >= Duration::from_millis(30), "not before its time");
    hold.open();
    lp.off.call(|| ()).then(keep);
    assert!(lp.outcome().is_ok());
    assert_eq!(ran.get(), 0, "it was never run");
}

#[test]
fn a_function_that_never_returns_times_out() {
    let lp = TestLoop::<Seen<()>>::new();
    overrun(&lp, false, || |_: &Context| Latch::new().pass());
    overrun(&lp, true, || |_: &Context| Latch::new().pass());
}

#[test]
fn a_call_that_makes_it_keeps_its_value() {
    let lp = TestLoop::<Seen<u8>>::new();
    for value in 0..200 {
        lp.off.call(move || value).deadline(HOUR).then(keep);
        assert_eq!(lp.outcome().unwrap(), value);
    }
}

#[test]
fn a_deadline_of_zero_times_out() {
    let lp = TestLoop::<Seen<()>>::with(|builder| builder.threads(Threads::new().max(1)));
    let _hold = Hold::threads(&lp.off, 1);
    lp.off.call(|| ()).deadline(Duration::ZERO).then(keep);
    assert!(is_timeout(&lp.outcome()));
}

#[test]
fn a_deadline_beyond_the_clock_never_passes() {
    let lp = TestLoop::<Seen<Option<Instant>>>::new();
    for time in [Duration::MAX, Duration::from_secs(u64::MAX / 4), Duration::from_secs(1 << 40)] {
        lp.off.call_with(Context::deadline).deadline(time).then(keep);
        let deadline = lp.outcome().expect("it does not time out");
        assert!(deadline.is_none_or(|at| at > Instant::now() + HOUR));
    }
}

#[test]
fn a_short_deadline_does_not_wait_behind_a_long_one() {
    let lp = TestLoop::<Seen<()>>::with(|builder| builder.threads(Threads::new().max(1)));
    let _hold = Hold::threads(&lp.off, 1);
    for _ in 0..10 {
        lp.off.call(|| ()).deadline(HOUR).then(|_, _| panic!("an hour has not passed"));
    }
    lp.off.call(|| ()).deadline(Duration::from_millis(5)).then(keep);
    assert!(is_timeout(&lp.outcome()));
}

#[test]
fn an_inline_call_times_out_before_its_turn() {
    let (lp, ran) = (TestLoop::<Seen<()>>::new(), Count::new());
    let counted = ran.clone();
    let call = lp.off.call(move || counted.add()).inline().deadline(Duration::from_millis(1));
    let ticket = call.then(keep);
    wait_until(|| ticket.is_done());
    assert!(is_timeout(&lp.outcome()));
    assert_eq!(ran.get(), 0);
}

#[test]
fn an_awaited_call_times_out_without_any_turn() {
    let lp = TestLoop::<()>::new();
    let call = lp.off.call(|| Latch::new().pass()).deadline(Duration::from_millis(5));
    assert!(is_timeout(&common::block_on::block_on(call)));
}

#[test]
fn a_function_sees_its_deadline_and_that_it_passed() {
    let lp = TestLoop::<Seen<()>>::new();
    let said = Count::new();
    overrun(&lp, false, || {
        let (saw, before) = (said.clone(), Instant::now());
        move |cx: &Context| {
            let at = cx.deadline().expect("it has a deadline");
            assert!(at >= before + Duration::from_millis(20));
            wait_until(|| cx.is_cancelled());
            assert!(Instant::now() >= at);
            saw.add();
        }
    });
    said.wait(1);
    lp.off.call_with(|cx| assert!(cx.deadline().is_none() && !cx.is_cancelled())).then(keep);
    assert!(lp.outcome().is_ok());
}

#[test]
fn a_hundred_thousand_deadlines_may_be_pending() {
    const CALLS: usize = 100_000;
    let threads = Threads::new().max(1).queue(2 * CALLS);
    let lp = TestLoop::<usize>::with(|builder| builder.threads(threads));
    let hold = Hold::threads(&lp.off, 1);
    let mut outcomes = 0;
    for index in 0..CALLS {
        // One in ten passes while the others are pending.
        let time = if index % 10 == 0 { Duration::from_millis(1) } else { HOUR };
        lp.off.call(|| ()).deadline(time).then(move |outcomes: &mut usize, outcome| {
            assert_eq!(is_timeout(&outcome), index % 10 == 0);
            *outcomes += 1;
        });
    }
    lp.run_until(&mut outcomes, |&outcomes| outcomes >= CALLS / 10);
    assert!(lp.off.stats().threads.threads <= 1, "no deadline has a thread of its own");
    hold.open();
    lp.run_until(&mut outcomes, |&outcomes| outcomes >= CALLS);
}
