//! G17: a forked child that uses its parent's offloop is told so. Invariant: the fork is a real
//! one, of a process that runs one test; the child reports by its exit code.

#![cfg(unix)]

mod common;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::exit;
use std::time::Duration;

use common::alone::{alone, status_of_fork};
use common::probes::Drops;
use common::{Count, Hold, Seen, TestLoop, keep, wait_until};
use fork::Fork;

/// Runs `child` in a fork of this process, which has to end with success.
fn in_fork(child: impl FnOnce() -> bool) {
    match fork::fork().expect("a fork") {
        Fork::Child => {
            let passed = catch_unwind(AssertUnwindSafe(child)).unwrap_or(false);
            exit(if passed { 0 } else { 1 });
        }
        Fork::Parent(pid) => assert_eq!(status_of_fork(pid), Some(0)),
    }
}

fn panics_with_the_reason<R>(what: &str, f: impl FnOnce() -> R) -> bool {
    let Err(payload) = catch_unwind(AssertUnwindSafe(f)) else {
        eprintln!("{what} did not panic");
        return false;
    };
    let told = payload.downcast_ref::<&str>().is_some_and(|text| text.contains("forked"));
    if !told {
        eprintln!("{what} did not tell the reason");
    }
    told
}

#[test]
fn use_in_a_forked_child_panics_with_the_reason() {
    alone("use_in_a_forked_child_panics_with_the_reason", || {
        let lp = TestLoop::<Seen<()>>::new();
        lp.off.call(|| ()).then(keep);
        assert!(lp.outcome().is_ok());
        let handle = lp.off.handle();
        in_fork(|| {
            let all = [
                panics_with_the_reason("then", || lp.off.call(|| ()).then(keep)),
                panics_with_the_reason("inline", || lp.off.call(|| ()).inline().then(keep)),
                panics_with_the_reason("try_then", || {
                    drop(lp.off.call(|| ()).try_then(keep));
                }),
                panics_with_the_reason("detach", || lp.off.call(|| ()).cores().detach()),
                panics_with_the_reason("await", || common::block_on::block_on(lp.off.call(|| ()))),
                panics_with_the_reason("a handle's then", || handle.call(|| ()).then(keep)),
                panics_with_the_reason("deliver", || lp.turn(&mut Vec::new())),
                panics_with_the_reason("close", || lp.off.close()),
                panics_with_the_reason("shutdown", || lp.off.shutdown(Duration::ZERO)),
                panics_with_the_reason("shutdown", || lp.off.shutdown(Duration::from_secs(9))),
            ];
            all == [true; 10] && lp.off.is_forked() && handle.is_forked()
        });
        assert!(!lp.off.is_forked() && !handle.is_forked());
        lp.off.call(|| ()).then(keep);
        assert!(lp.outcome().is_ok(), "the parent goes on");
    });
}

/// A key whose `Eq` waits, with the lock held that it runs under.
struct Slow(common::Latch, Count);

impl std::hash::Hash for Slow {
    fn hash<H: std::hash::Hasher>(&self, _: &mut H) {}
}

impl PartialEq for Slow {
    fn eq(&self, _: &Self) -> bool {
        self.1.add();
        self.0.pass();
        true
    }
}

impl Eq for Slow {}

#[test]
fn keys_and_scopes_of_a_parent_that_was_in_the_middle_of_a_submit_hang_no_child() {
    alone("keys_and_scopes_of_a_parent_that_was_in_the_middle_of_a_submit_hang_no_child", || {
        let lp = TestLoop::<Seen<()>>::new();
        let (latch, inside) = (common::Latch::new(), Count::new());
        let key = || Slow(latch.clone(), inside.clone());
        let hold = Hold::threads(&lp.off, 1);
        let scope = lp.off.scope();
        let kept = latch.clone();
        let waiting = lp.off.call(move || kept.pass()).in_order(key()).within(&scope).then(keep);
        let (handle, again) = (lp.off.handle(), key());
        let submitter = std::thread::spawn(move || {
            handle.call(|| ()).in_order(again).then(keep);
        });
        inside.wait(1);
        let (handle, mut scope) = (lp.off.handle(), Some(scope));
        in_fork(|| {
            drop(scope.take());
            let all = [
                panics_with_the_reason("in_order", || lp.off.call(|| ()).in_order(1).then(keep)),
                panics_with_the_reason("serial", || handle.call(|| ()).serial(1).then(keep)),
                panics_with_the_reason("resource", || lp.off.resource(|| ())),
                !waiting.is_done(),
            ];
            all == [true; 4]
        });
        latch.open();
        hold.open();
        submitter.join().unwrap();
        drop(scope);
        assert!(lp.outcome().is_ok(), "the parent goes on, and its scope ended the other call");
    });
}

#[test]
fn dropping_in_a_forked_child_joins_and_ends_nothing() {
    alone("dropping_in_a_forked_child_joins_and_ends_nothing", || {
        let lp = TestLoop::<Seen<()>>::new();
        let drops = Drops::new();
        let hold = Hold::threads(&lp.off, 2);
        for inline in [false, true] {
            let probe = std::rc::Rc::new(drops.probe());
            let call = lp.off.call(|| ());
            let call = if inline { call.inline() } else { call.cores() };
            let ticket = call.then(move |seen: &mut Seen<()>, outcome| {
                probe.touch();
                seen.push(outcome);
            });
            wait_until(|| inline || ticket.is_done());
        }
        let mut lp = Some(lp);
        in_fork(|| {
            drop(lp.take());
            true
        });
        let lp = lp.unwrap();
        hold.open();
        assert_eq!(lp.outcomes(2).iter().filter(|one| one.is_ok()).count(), 2);
        let report = lp.off.shutdown(common::PATIENCE);
        assert!(report.abandoned.is_empty());
    });
}

/// The child has its parent's wake descriptor: what it writes there, the parent's loop would see
/// and never reset.
#[test]
fn a_cancel_in_a_forked_child_wakes_no_loop() {
    use rustix::event::{PollFd, PollFlags, Timespec, poll};

    alone("a_cancel_in_a_forked_child_wakes_no_loop", || {
        let off = offloop::Offloop::<()>::builder().fd_waker().build().unwrap();
        let (inside, latch) = (Count::new(), common::Latch::new());
        let (enter, pass) = (inside.clone(), latch.clone());
        let ticket = off
            .call(move || {
                enter.add();
                pass.pass();
            })
            .then(|_, _| {});
        inside.wait(1);
        in_fork(|| {
            ticket.cancel();
            true
        });
        let fd = off.as_fd().unwrap();
        let mut fds = [PollFd::new(&fd, PollFlags::IN)];
        let ready = poll(&mut fds, Some(&Timespec { tv_sec: 0, tv_nsec: 0 })).unwrap();
        assert_eq!(ready, 0, "nothing was decided in this process");
        latch.open();
    });
}

#[test]
fn a_fork_while_everything_moves_leaves_both_sides_whole() {
    alone("a_fork_while_everything_moves_leaves_both_sides_whole", || {
        for _ in 0..20 {
            let lp = TestLoop::<Seen<u32>>::new();
            let submitted = Count::new();
            let submitters: Vec<_> = (0..2)
                .map(|_| {
                    let (handle, submitted) = (lp.off.handle(), submitted.clone());
                    std::thread::spawn(move || {
                        for index in 0..500 {
                            let call = handle.call(move || index);
                            if index % 2 == 0 { call.cores() } else { call }.then(keep);
                            submitted.add();
                        }
                    })
                })
                .collect();
            submitted.wait(50);
            let mut lp = Some(lp);
            in_fork(|| {
                drop(lp.take());
                true
            });
            assert_eq!(lp.unwrap().outcomes(1000).into_iter().filter(Result::is_err).count(), 0);
            submitters.into_iter().for_each(|submitter| submitter.join().unwrap());
        }
    });
}

#[test]
fn an_offloop_built_in_the_child_works() {
    alone("an_offloop_built_in_the_child_works", || {
        let parent = TestLoop::<Seen<u8>>::new();
        in_fork(|| {
            let child = TestLoop::<Seen<u8>>::new();
            child.off.call(|| 6).then(keep);
            let works = matches!(child.outcome(), Ok(6)) && !child.off.is_forked();
            child.off.shutdown(common::PATIENCE);
            works && panics_with_the_reason("the parent's", || parent.off.close())
        });
        parent.off.call(|| 7).then(keep);
        assert_eq!(parent.outcome().unwrap(), 7);
    });
}
