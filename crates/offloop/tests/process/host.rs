//! Hosts that meddle: each in a process of its own, whose signals, limits and descriptors it may
//! change.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::time::Duration;

use offloop::{Exit, Failure, Reason};

use crate::common::alone::{
    allow_few_descriptors, alone, descriptors, status_of_fork, wait_for_threads,
};
use crate::common::{Seen, TestLoop, keep, wait_for};
use crate::functions::{
    abort, begin_and_spin, double, inherited, looped, process_id, processes, spin,
};
use crate::ignore::ignore_children;

/// G13: with the test harness's own descriptors there before and after.
#[test]
fn nothing_is_left_after_a_shutdown() {
    alone("host::nothing_is_left_after_a_shutdown", || {
        let before = descriptors().len();
        let lp: TestLoop<Seen<u32>> = looped(processes().workers(2));
        lp.off.call_fn(double, 1).process().then(keep);
        lp.off.call_fn(abort, ()).process().then(keep);
        lp.off.call_fn(spin, ()).process().deadline(Duration::from_millis(30)).then(keep);
        assert_eq!(lp.outcomes(3).len(), 3);
        lp.off.shutdown(Duration::from_secs(5));
        wait_for_threads("offloop", 0);
        assert_eq!(descriptors().len(), before, "{:?}", descriptors());
        let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
        assert!(!maps.contains("memfd:offloop"), "no shared memory is left");
        let me = std::process::id().to_string();
        let ps = Command::new("ps").args(["--ppid", &me, "-o", "stat=,comm="]).output().unwrap();
        let children = String::from_utf8_lossy(&ps.stdout).into_owned();
        let ours = children.lines().filter(|line| !line.contains("ps")).count();
        assert_eq!(ours, 0, "no child is left, not even one that nobody reaped: {children}");
    });
}

/// The kernel reaps children of a process that ignores `SIGCHLD`: a death is noticed, and only how
/// it died is lost.
#[test]
fn a_host_that_ignores_the_end_of_children_loses_the_status_only() {
    alone("host::a_host_that_ignores_the_end_of_children_loses_the_status_only", || {
        ignore_children();
        let lp: TestLoop<Seen<u32>> = looped(processes().workers(1));
        for _ in 0..5 {
            lp.off.call_fn(abort, ()).process().then(keep);
            let outcome = lp.outcome();
            assert!(matches!(outcome, Err(Failure::Died(Exit::Unknown))), "{outcome:?}");
            lp.off.call_fn(double, 1).process().then(keep);
            assert!(matches!(lp.outcome(), Ok(2)));
        }
        // The count may follow the outcome.
        wait_for("all are counted", || lp.off.stats().workers.lost == 5);
        lp.off.call_fn(spin, ()).process().deadline(Duration::from_millis(30)).then(keep);
        assert!(matches!(lp.outcome(), Err(Failure::TimedOut)));
        lp.off.shutdown(Duration::from_secs(5));
    });
}

/// A host with a reaper of its own takes the status now and then, and nothing else.
#[test]
fn a_host_that_reaps_all_children_itself_breaks_nothing() {
    alone("host::a_host_that_reaps_all_children_itself_breaks_nothing", || {
        let (stop, stopped) = std::sync::mpsc::channel::<()>();
        let reaper = std::thread::spawn(move || {
            while stopped.try_recv().is_err() {
                let any = rustix::process::wait(rustix::process::WaitOptions::NOHANG);
                if !matches!(any, Ok(Some(_))) {
                    std::thread::yield_now();
                }
            }
        });
        let lp: TestLoop<Seen<u32>> = looped(processes().workers(1));
        for _ in 0..20 {
            lp.off.call_fn(abort, ()).process().then(keep);
            let outcome = lp.outcome();
            let expected = [Exit::Unknown, Exit::Signal(6)];
            assert!(matches!(outcome, Err(Failure::Died(exit)) if expected.contains(&exit)));
            lp.off.call_fn(double, 1).process().then(keep);
            assert!(matches!(lp.outcome(), Ok(2)));
        }
        lp.off.shutdown(Duration::from_secs(5));
        stop.send(()).unwrap();
        reaper.join().unwrap();
    });
}

/// Whatever its host has open, blocks and ignores, a worker begins like any program.
#[test]
fn a_worker_inherits_its_three_streams_and_no_signals() {
    alone("host::a_worker_inherits_its_three_streams_and_no_signals", || {
        use nix::sys::signal::{SigSet, Signal};
        let leak = std::fs::File::open("/dev/null").unwrap();
        rustix::io::fcntl_setfd(&leak, rustix::io::FdFlags::empty()).unwrap();
        let mut blocked = SigSet::empty();
        blocked.add(Signal::SIGTERM);
        blocked.add(Signal::SIGCHLD);
        blocked.thread_block().unwrap();
        let lp: TestLoop<Seen<(Vec<u32>, String)>> = looped(processes().workers(1));
        lp.off.call_fn(inherited, ()).process().then(keep);
        let (fds, masks) = lp.outcome().unwrap();
        assert_eq!(fds, [0, 1, 2, 3], "three streams and the socket; memory needs none");
        let none = format!("{:016x}", 0);
        for mask in ["SigBlk", "SigPnd"] {
            assert!(masks.contains(&format!("{mask}:\t{none}")), "{masks}");
        }
        // As Rust's start-up code leaves every program: SIGPIPE is ignored. The two that the C library
        // keeps for itself can't be changed through it.
        let ignored = masks.lines().find_map(|line| line.strip_prefix("SigIgn:\t")).unwrap();
        let ignored = u64::from_str_radix(ignored, 16).unwrap();
        assert_eq!(ignored & !(0b11 << 31), 1 << 12, "{masks}");
    });
}

/// This program as a host that starts a worker, says its number, and waits to be killed.
#[test]
fn a_worker_ends_with_its_parent_even_a_busy_one() {
    const NAME: &str = "host::a_worker_ends_with_its_parent_even_a_busy_one";
    const INSIDE: &str = "OFFLOOP_TEST_PARENT";
    if std::env::var_os(INSIDE).is_some() {
        let lp: TestLoop<Seen<u32>> = looped(processes().workers(2).spare(0));
        lp.off.call_fn(process_id, ()).process().then(keep);
        println!("worker {}", lp.outcome().unwrap());
        let mark = crate::functions::Mark::new();
        lp.off.call_fn(begin_and_spin, mark.name()).process().then(keep);
        let mut process = String::new();
        wait_for("it says its number", || {
            process = mark.wait();
            !process.is_empty()
        });
        drop(mark);
        println!("worker {process}");
        std::thread::sleep(Duration::from_secs(60));
    }
    let mut host = Command::new(std::env::current_exe().unwrap());
    host.args(["--exact", NAME, "--nocapture", "--test-threads=1"]).env(INSIDE, "1");
    let mut host = host.stdout(Stdio::piped()).spawn().expect("it can be started");
    let lines = BufReader::new(host.stdout.take().unwrap()).lines();
    let workers = lines.map_while(Result::ok);
    let workers = workers.filter_map(|line| Some(line.split_once("worker ")?.1.to_owned()));
    let workers: Vec<String> = workers.take(2).collect();
    assert_eq!(workers.len(), 2);
    host.kill().unwrap();
    host.wait().unwrap();
    for worker in workers {
        wait_for("it is gone", || {
            let stat = std::fs::read_to_string(format!("/proc/{worker}/stat")).unwrap_or_default();
            // An orphan's own parent may be slow to reap it.
            stat.is_empty() || stat.contains(") Z ")
        });
    }
}

/// G16: as many descriptors as the process may have are open.
#[test]
fn a_host_without_descriptors_hears_that_there_is_no_worker() {
    alone("host::a_host_without_descriptors_hears_that_there_is_no_worker", || {
        let lp: TestLoop<Seen<u32>> =
            looped(processes().workers(1).spare(0).back_off(Duration::from_millis(1)));
        allow_few_descriptors();
        let mut hoard = Vec::new();
        while let Ok(file) = std::fs::File::open("/dev/null") {
            hoard.push(file);
        }
        lp.off.call_fn(double, 1).process().then(keep);
        assert!(matches!(lp.outcome(), Err(Failure::Rejected(Reason::NoWorker))));
        let failure = lp.off.stats().workers.last_start_failure.unwrap();
        assert!(failure.contains("did not start a worker"), "{failure}");
        drop(hoard);
        lp.off.call_fn(double, 1).process().then(keep);
        assert!(matches!(lp.outcome(), Ok(2)), "it recovers");
    });
}

/// A host that becomes a daemon has every descriptor twice, and its workers once.
#[test]
fn a_forked_child_neither_uses_nor_ends_the_workers() {
    alone("host::a_forked_child_neither_uses_nor_ends_the_workers", || {
        let lp: TestLoop<Seen<u32>> = looped(processes().workers(1).spare(0));
        lp.off.call_fn(process_id, ()).process().then(keep);
        let worker = lp.outcome().unwrap();
        match fork::fork().expect("a fork") {
            fork::Fork::Child => {
                let submit = || lp.off.call_fn(process_id, ()).process().then(keep);
                let used = std::panic::catch_unwind(std::panic::AssertUnwindSafe(submit));
                let refused = used.is_err();
                drop(lp);
                std::process::exit(if refused { 0 } else { 1 });
            }
            fork::Fork::Parent(child) => {
                assert_eq!(status_of_fork(child), Some(0), "a submit there panics");
            }
        }
        lp.off.call_fn(process_id, ()).process().then(keep);
        assert_eq!(lp.outcome().unwrap(), worker, "it is the same one, and serves");
    });
}

/// What starts workers is no thread of the host's, so that none of theirs ends one by its end.
#[test]
fn a_worker_outlives_the_thread_whose_call_it_was_started_for() {
    let lp: TestLoop<Seen<u32>> = looped(processes().workers(1).spare(0));
    let handle = lp.off.handle();
    let submitter = std::thread::spawn(move || {
        handle.call_fn(process_id, ()).process().then(keep);
    });
    submitter.join().unwrap();
    let worker = lp.outcome().unwrap();
    lp.off.call_fn(process_id, ()).process().then(keep);
    assert_eq!(lp.outcome().unwrap(), worker);
    assert_eq!(lp.off.stats().workers.started, 1);
}
