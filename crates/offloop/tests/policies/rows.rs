//! What can end a call, one function each: the columns of the table of combinations. Invariant: after
//! whatever ended a call, the next call with the same policy works, unless offloop itself ended.

use std::sync::mpsc::channel;
use std::time::Duration;

use offloop::{Builder, By, Cores, Failure, Reason, Threads};

use crate::common::{Count, Latch, PATIENCE, Seen, explode, overrun_by, wait_until};
use crate::rig::{Bench, Case, Ending, From, Place, Policy, Submitted};

/// The tests of one policy, one for each column.
macro_rules! rows {
    ($policy:ident) => {
        $crate::rows::rows!($policy: deadline cancel panic refusal close shutdown scope);
    };
    ($policy:ident: $($column:ident)*) => {
        $(
            #[test]
            fn $column() {
                $crate::rows::$column($crate::rig::Policy::$policy);
            }
        )*
    };
}
pub(crate) use rows;

/// A function that waits inside, and what it saw when it went on.
struct Inside {
    latch: Latch,
    saw: std::sync::mpsc::Receiver<Option<bool>>,
}

impl Inside {
    fn submit(bench: &Bench, case: Case, deadline: Option<Duration>) -> (Self, Submitted) {
        let latch = Latch::new();
        let (tell, saw) = channel();
        let gate = latch.clone();
        let submitted = bench.submit(case, deadline, move |cx| {
            gate.pass();
            // The test may have its answer already.
            let _gone = tell.send(cx.map(|cx| cx.is_cancelled()));
            1
        });
        (Self { latch, saw }, submitted)
    }

    /// Lets the function go on; it must have seen that nobody waits for it.
    #[track_caller]
    fn hears(self) {
        self.latch.open();
        let saw = self.saw.recv_timeout(PATIENCE).expect("the function goes on");
        assert_ne!(saw, Some(false), "the function is told that it is not wanted");
    }
}

/// A test that fails lets the worker go, too.
impl Drop for Inside {
    fn drop(&mut self) {
        self.latch.open();
    }
}

pub(crate) fn deadline(policy: Policy) {
    for case in Case::all(policy) {
        let bench = Bench::new();
        if case.is_inline() {
            let ran = Count::new();
            let count = ran.clone();
            let late = bench.submit(case, Some(Duration::from_millis(1)), move |_| {
                count.add();
                1
            });
            wait_until(|| bench.off().stats().timed_out == 1);
            let outcome = late.outcome(&bench);
            assert!(matches!(outcome, Err(Failure::TimedOut)), "{outcome:?}, in {case:?}");
            assert_eq!(ran.get(), 0, "{case:?}");
        } else {
            let (inside, late) = Inside::submit(&bench, case, Some(Duration::from_millis(15)));
            let outcome = late.outcome(&bench);
            assert!(matches!(outcome, Err(Failure::TimedOut)), "{outcome:?}, in {case:?}");
            if inside.latch.entered.get() == 1 {
                inside.hears();
            }
        }
        if policy == Policy::Resource {
            // There is no other thread until the function has returned.
            wait_until(|| {
                let next = bench.submit(case, None, |_| 2).outcome(&bench);
                next.inspect_err(|why| {
                    assert!(matches!(why, Failure::Rejected(Reason::Abandoned)), "{why}");
                })
                .is_ok()
            });
        }
        bench.works(case);
    }
}

pub(crate) fn cancel(policy: Policy) {
    for case in Case::all(policy) {
        let bench = Bench::with(narrow);
        if !case.is_inline() {
            let (inside, call) = Inside::submit(&bench, case, None);
            inside.latch.entered.wait(1);
            is_cancelled(&bench, case, call);
            inside.hears();
        }
        let (ran, hold) = (Count::new(), Latch::new());
        if !case.is_inline() {
            occupy(&bench, case, hold.holding(()));
            hold.entered.wait(1);
        }
        let count = ran.clone();
        let queued = bench.submit(case, None, move |_| {
            count.add();
            1
        });
        is_cancelled(&bench, case, queued);
        hold.open();
        bench.works(case);
        assert_eq!(ran.get(), 0, "a call that is cancelled in the queue never runs, in {case:?}");
    }
}

/// Keeps a worker of the case's executor busy.
fn occupy(bench: &Bench, case: Case, function: impl FnOnce() + Send + 'static) {
    match (case.policy, case.place) {
        (Policy::Resource, _) => {
            bench.off().call_on(&bench.resource, move |_| function()).detach();
        }
        (_, Place::Cores) => drop(bench.off().call(function).cores().detach()),
        (..) => drop(bench.off().call(function).detach()),
    }
}

#[track_caller]
fn is_cancelled(bench: &Bench, case: Case, call: Submitted) {
    let Some(call) = call.cancel() else { return };
    let outcome = call.outcome(bench);
    assert!(matches!(outcome, Err(Failure::Cancelled(By::Caller))), "{outcome:?}, in {case:?}");
}

pub(crate) fn panic(policy: Policy) {
    for case in Case::all(policy) {
        let bench = Bench::new();
        let outcome = bench.submit(case, None, |_| explode("out of paper")).outcome(&bench);
        let Err(Failure::Panicked(panic)) = outcome else { panic!("{outcome:?}, in {case:?}") };
        assert!(panic.to_string().contains("out of paper"), "{panic}");
        bench.works(case);
    }
}

pub(crate) fn refusal(policy: Policy) {
    for case in Case::all(policy).into_iter().filter(|case| !case.is_inline()) {
        let bench = Bench::with(|builder| {
            builder.threads(Threads::new().max(1).queue(1)).cores(Cores::new().workers(1).queue(1))
        });
        let (latch, ran) = (Latch::new(), Count::new());
        if policy == Policy::Resource {
            // Its one thread is inside a function that nobody waits for any more.
            overrun_by(|entry, time| {
                let full = latch.holding(());
                let call = bench.off().call_on(&bench.resource, move |_| {
                    entry.enter();
                    full();
                });
                let late = call.deadline(time).then(|_, _| ());
                wait_until(|| late.is_done());
            });
            wait_until(|| {
                bench.off().call_on(&bench.resource, |_| ()).try_then(|_, _| ()).is_err()
            });
        } else {
            occupy(&bench, case, latch.holding(()));
            latch.entered.wait(1);
            occupy(&bench, case, || ());
        }
        let count = ran.clone();
        let refused = bench.submit(case, None, move |_| {
            count.add();
            1
        });
        let at_once = case.ending == Ending::TryThen;
        assert_eq!(refused.is_refused(), at_once, "{case:?}");
        match refused.outcome(&bench) {
            Err(Failure::Rejected(Reason::QueueFull)) if policy != Policy::Resource => {}
            Err(Failure::Rejected(Reason::Abandoned)) if policy == Policy::Resource => {}
            outcome => panic!("{outcome:?}, in {case:?}"),
        }
        latch.open();
        wait_until(|| {
            bench.lp.turn(&mut Vec::new());
            bench.off().pending() == 0
        });
        if policy == Policy::Resource {
            wait_until(|| bench.submit(case, None, |_| 2).outcome(&bench).is_ok());
        }
        bench.works(case);
        assert_eq!(ran.get(), 0, "a refused call never runs, in {case:?}");
    }
}

/// Two calls with the policy: the first runs, the second waits, and then offloop ends.
fn two(bench: &Bench, case: Case) -> (Inside, Submitted, Submitted) {
    let (inside, first) = Inside::submit(bench, case, None);
    if !case.is_inline() {
        inside.latch.entered.wait(1);
    }
    (inside, first, bench.submit(case.with_then(), None, |_| 2))
}

/// One worker each.
fn narrow(builder: Builder<Seen<u32>>) -> Builder<Seen<u32>> {
    builder.threads(Threads::new().max(1)).cores(Cores::new().workers(1))
}

pub(crate) fn close(policy: Policy) {
    for case in Case::all(policy) {
        let bench = Bench::with(narrow);
        let (inside, first, second) = two(&bench, case);
        bench.off().close();
        inside.latch.open();
        let (first, second) = (first.outcome(&bench), second.outcome(&bench));
        match (policy, case.is_inline()) {
            (Policy::Latest, _) => {
                assert!(superseded(&first), "{first:?}, in {case:?}");
                assert!(matches!(second, Err(Failure::Shutdown)), "{second:?}, in {case:?}");
            }
            (_, true) => {
                assert!(matches!(first, Err(Failure::Shutdown)), "{first:?}, in {case:?}");
                assert!(matches!(second, Err(Failure::Shutdown)), "{second:?}, in {case:?}");
            }
            (Policy::Share, false) => {
                assert!(matches!(first, Ok(None | Some(1))), "{first:?}, in {case:?}");
                assert!(matches!(second, Ok(Some(1))), "it shares the first one's run: {second:?}");
            }
            (_, false) => {
                assert!(matches!(first, Ok(None | Some(1))), "{first:?}, in {case:?}");
                assert!(matches!(second, Err(Failure::Shutdown)), "{second:?}, in {case:?}");
            }
        }
        let late = bench.submit(case, None, |_| 3);
        assert_eq!(late.is_refused(), case.ending == Ending::TryThen);
        let late = late.outcome(&bench);
        assert!(matches!(late, Err(Failure::Shutdown)), "{late:?}, in {case:?}");
        wait_until(|| {
            bench.lp.turn(&mut Vec::new());
            bench.off().is_closed()
        });
    }
}

fn superseded(outcome: &Result<Option<u32>, Failure>) -> bool {
    matches!(outcome, Err(Failure::Cancelled(By::Superseded)))
}

pub(crate) fn shutdown(policy: Policy) {
    for case in Case::all(policy) {
        let bench = Bench::with(narrow);
        let (inside, first, second) = two(&bench, case);
        let report = bench.off().shutdown(Duration::ZERO);
        // A call that joined a run has started when the run has; a superseded one is no call that
        // waits.
        let unstarted = match (policy, case.is_inline()) {
            (Policy::Latest, _) => 1,
            (Policy::Share, false) => 0,
            (_, true) => 2,
            (_, false) => 1,
        };
        assert_eq!(report.never_started, unstarted, "{report:?}, in {case:?}");
        assert_eq!(
            report.abandoned.len(),
            usize::from(!case.is_inline()),
            "{report:?}, in {case:?}"
        );
        assert_eq!(report.finished, 0, "{report:?}, in {case:?}");
        let (first, second) = (first.outcome(&bench), second.outcome(&bench));
        if policy == Policy::Latest {
            assert!(superseded(&first), "{first:?}, in {case:?}");
        } else {
            assert!(matches!(first, Err(Failure::Shutdown)), "{first:?}, in {case:?}");
        }
        assert!(matches!(second, Err(Failure::Shutdown)), "{second:?}, in {case:?}");
        if !case.is_inline() {
            inside.hears();
        }
        let late = bench.submit(case, None, |_| 3).outcome(&bench);
        assert!(matches!(late, Err(Failure::Shutdown)), "{late:?}, in {case:?}");
    }
}

/// The scope that the call is in is dropped.
pub(crate) fn scope(policy: Policy) {
    for mut case in Case::all(policy).into_iter().filter(|case| case.from == From::Loop) {
        case.scoped = true;
        let bench = Bench::new();
        let (inside, call) = Inside::submit(&bench, case, None);
        if !case.is_inline() {
            inside.latch.entered.wait(1);
        }
        let scope = bench.scope.borrow_mut().take();
        drop(scope);
        assert!(call.is_unheard());
        if case.ending == Ending::Await {
            let outcome = call.outcome(&bench);
            assert!(matches!(outcome, Err(Failure::Cancelled(By::Scope))), "{outcome:?}");
        } else {
            bench.lp.turn(&mut Vec::new());
            wait_until(|| {
                bench.lp.turn(&mut Vec::new());
                bench.off().pending() == 0
            });
            assert!(call.is_unheard(), "its handler is dropped unrun, in {case:?}");
        }
        if case.is_inline() {
            assert_eq!(inside.latch.entered.get(), 0, "{case:?}");
        } else {
            inside.hears();
        }
        bench.works(case);
    }
}
