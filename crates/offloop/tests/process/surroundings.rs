//! What a host has around it: other children, signals that interrupt, limits, forks. Invariant: each
//! in a process of its own; none of it costs a call anything, and none of it is touched.

use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use offloop::{Failure, Outcome, Processes, Reason};
use rustix::process::{Pid, Resource, Rlimit, Signal, WaitOptions, getrlimit, setrlimit};

use crate::common::alone::{allow_few_descriptors, alone, descriptors, status_of_fork};
use crate::common::{Seen, TestLoop, keep, wait_for};
use crate::functions::{
    Mark, abort, double, functions, looped, process_id, processes, sleep, spin,
};
use crate::ignore::{catch_and_forget, ignore_children};
use crate::tricks::{count_maps, is_ready, limit, read_input, wait_for_a_child};

/// Its own exit statuses are there for it, whenever it asks.
#[test]
fn the_other_children_of_a_host_are_its_own() {
    alone("surroundings::the_other_children_of_a_host_are_its_own", || {
        let mut child = Command::new("/bin/sh").args(["-c", "exit 7"]).spawn().unwrap();
        let stat = format!("/proc/{}/stat", child.id());
        wait_for("it has ended", || std::fs::read_to_string(&stat).unwrap().contains(") Z "));
        let lp: TestLoop<Seen<u32>> = looped(processes().workers(1));
        lp.off.call_fn(abort, ()).process().then(keep);
        assert!(lp.outcome().is_err());
        lp.off.call_fn(spin, ()).process().deadline(Duration::from_millis(30)).then(keep);
        assert!(lp.outcome().is_err());
        lp.off.shutdown(Duration::from_secs(5));
        assert_eq!(child.wait().unwrap().code(), Some(7));
    });
}

/// A handler that is installed without `SA_RESTART` interrupts each wait of each thread.
#[test]
fn signals_that_interrupt_waits_cost_nothing() {
    alone("surroundings::signals_that_interrupt_waits_cost_nothing", || {
        catch_and_forget();
        let lp: TestLoop<Seen<u32>> = looped(processes().workers(1).spare(0));
        let over = AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                while !over.load(Ordering::Relaxed) {
                    for task in std::fs::read_dir("/proc/self/task").unwrap().flatten() {
                        let name = std::fs::read_to_string(task.path().join("comm"));
                        let id = task.file_name().to_str().and_then(|id| id.parse().ok());
                        let ours = name.is_ok_and(|name| name.starts_with("offloop"));
                        // Given a thread's number the kernel has that thread take the signal.
                        if let Some(id) = id.and_then(Pid::from_raw).filter(|_| ours) {
                            let _ended = rustix::process::kill_process(id, Signal::USR1);
                        }
                    }
                    std::thread::sleep(Duration::from_micros(500));
                }
            });
            for _ in 0..20 {
                lp.off.call_fn(sleep, 10).process().then(keep);
                let outcome = lp.outcome();
                assert!(matches!(outcome, Ok(0)), "{outcome:?}");
            }
            over.store(true, Ordering::Relaxed);
        });
        assert_eq!(lp.off.stats().workers.started, 1);
    });
}

/// With no room for a status the group is found while its leader lives.
#[test]
fn a_killed_worker_takes_its_children_along_though_the_system_reaps_it() {
    alone(
        "surroundings::a_killed_worker_takes_its_children_along_though_the_system_reaps_it",
        || {
            ignore_children();
            let lp: TestLoop<Seen<u32>> = looped(processes().workers(1));
            let mark = Mark::new();
            let ticket = lp.off.call_fn(wait_for_a_child, mark.name()).process().then(keep);
            let mut child = String::new();
            wait_for("it says its number", || {
                child = mark.wait();
                !child.is_empty()
            });
            ticket.cancel();
            assert!(lp.outcome().is_err());
            wait_for("the child is gone", || {
                let stat =
                    std::fs::read_to_string(format!("/proc/{child}/stat")).unwrap_or_default();
                stat.is_empty() || stat.contains(") Z ")
            });
        },
    );
}

/// G13, G16: wherever on the way to a worker the descriptors end.
#[test]
fn a_start_that_runs_out_of_descriptors_leaves_none_and_no_process() {
    alone("surroundings::a_start_that_runs_out_of_descriptors_leaves_none_and_no_process", || {
        allow_few_descriptors();
        let (mut refused, mut fine) = (0, 0);
        for free in 0..16 {
            // Without a hook for its output, whose pipes would be in the way.
            let worker = Processes::new(functions()).program(std::env::current_exe().unwrap());
            let args = ["--exact", "worker_entry", "--nocapture", "--quiet", "--test-threads=1"];
            let worker = args.into_iter().fold(worker.workers(1).spare(0), Processes::arg);
            let lp: TestLoop<Seen<u32>> = looped(worker.back_off(Duration::from_millis(1)));
            let before = descriptors().len();
            let mut hoard = Vec::new();
            while let Ok(file) = std::fs::File::open("/dev/null") {
                hoard.push(file);
            }
            hoard.truncate(hoard.len().saturating_sub(free));
            lp.off.call_fn(double, 1).process().then(keep);
            let outcome = lp.outcome();
            drop(hoard);
            match outcome {
                Ok(2) => fine += 1,
                Err(Failure::Rejected(Reason::NoWorker)) => {
                    refused += 1;
                    assert_eq!(descriptors().len(), before, "{free}: {:?}", descriptors());
                }
                other => panic!("{free}: {other:?}"),
            }
            lp.off.shutdown(Duration::from_secs(5));
            let child = rustix::process::wait(WaitOptions::NOHANG);
            assert!(child.is_err(), "{free}: no child is left, and none to reap: {child:?}");
        }
        assert!(refused > 3 && fine > 3, "{refused} {fine}");
    });
}

/// What a host may not exceed itself its workers may not either, and they are no worse off for it.
#[test]
fn a_host_with_hard_limits_has_workers_with_the_same_ones() {
    alone("surroundings::a_host_with_hard_limits_has_workers_with_the_same_ones", || {
        for (resource, most) in [(Resource::Cpu, 3600), (Resource::Data, 4 << 30)] {
            let limit = Rlimit { current: getrlimit(resource).current, maximum: Some(most) };
            let current = limit.current.map_or(most, |current| current.min(most));
            setrlimit(resource, Rlimit { current: Some(current), ..limit }).unwrap();
        }
        let core = getrlimit(Resource::Core);
        setrlimit(Resource::Core, Rlimit { current: core.maximum, ..core }).unwrap();
        let worker = processes().workers(1).spare(0).memory_limit(8 << 30);
        let worker = worker.cpu_limit(Duration::from_secs(7200));
        let lp: TestLoop<Seen<String>> = looped(worker.back_off(Duration::from_millis(1)));
        for (name, expected) in [
            ("Max cpu time", "3600 3600"),
            ("Max data size", "4294967296 4294967296"),
            ("Max core file size", "0"),
        ] {
            lp.off.call_fn(limit, name.into()).process().then(keep);
            let outcome: Outcome<String> = lp.outcome();
            let limit = outcome.expect(name);
            assert!(limit.starts_with(expected), "{name}: {limit}");
        }
    });
}

/// G17: the child has copies of all that its parent has, and none of it is its own.
#[test]
fn a_forked_child_ends_without_harm_to_its_parents_workers() {
    alone("surroundings::a_forked_child_ends_without_harm_to_its_parents_workers", || {
        let lp: TestLoop<Seen<u32>> = looped(processes().workers(1).spare(0));
        lp.off.call_fn(process_id, ()).process().then(keep);
        let worker = lp.outcome().unwrap();
        match fork::fork().expect("a fork") {
            fork::Fork::Child => {
                let submit = std::panic::AssertUnwindSafe(|| {
                    lp.off.call_fn(process_id, ()).process().then(keep);
                });
                let told = std::panic::catch_unwind(submit).is_err();
                drop(lp);
                std::process::exit(if told { 0 } else { 1 });
            }
            fork::Fork::Parent(child) => {
                assert_eq!(status_of_fork(child), Some(0));
                lp.off.call_fn(process_id, ()).process().then(keep);
                assert_eq!(lp.outcome().unwrap(), worker);
            }
        }
    });
}

/// P6: all threads wait for an event, and none goes round.
#[test]
fn nobody_polls() {
    alone("surroundings::nobody_polls", || {
        let lp: TestLoop<Seen<u32>> = looped(processes().workers(1));
        lp.off.call_fn(double, 1).process().then(keep);
        assert!(lp.outcome().is_ok());
        wait_for("the spare is there", || lp.off.stats().workers.started == 2);
        let sleeps = |task: &std::path::Path| {
            let stat = std::fs::read_to_string(task.join("stat")).unwrap_or_default();
            stat.is_empty() || stat.contains(") S ")
        };
        for task in std::fs::read_dir("/proc/self/task").unwrap().flatten() {
            let name = std::fs::read_to_string(task.path().join("comm")).unwrap_or_default();
            if name.starts_with("offloop") {
                wait_for("it sleeps", || sleeps(&task.path()));
            }
        }
    });
}

#[test]
fn what_a_worker_does_first_is_done_ahead_of_its_first_call() {
    let lp: TestLoop<Seen<bool>> = looped(processes().workers(1));
    lp.off.call_fn(is_ready, ()).process().then(keep);
    assert!(matches!(lp.outcome(), Ok(true)));
}

/// What a worker starts, and what it reads, has nothing to do with its own socket.
#[test]
fn the_input_of_a_function_is_empty() {
    let lp: TestLoop<Seen<u64>> = looped(processes().workers(1));
    lp.off.call_fn(read_input, ()).process().then(keep);
    assert!(matches!(lp.outcome(), Ok(0)));
    // One is its arena.
    lp.off.call_fn(count_maps, ()).process().then(keep);
    assert!(matches!(lp.outcome(), Ok(1)));
}
