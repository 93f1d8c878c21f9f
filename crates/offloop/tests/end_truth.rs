//! What an end says and what it leaves: G12 on the report's count of calls that finished, G13 on
//! the descriptors of an offloop that is dropped with outcomes nobody took.

use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use offloop::Offloop;

#[test]
fn a_function_that_returns_as_the_shutdown_begins_counts_as_finished() {
    for round in 0..300 {
        let off = Offloop::<()>::builder().no_waker().build().expect("an offloop");
        let (started, running) = mpsc::channel();
        off.call_with(move |cx| {
            started.send(()).expect("the test waits");
            while !cx.is_cancelled() {
                thread::yield_now();
            }
        })
        .then(|(), _| {});
        running.recv().expect("it runs");
        let report = off.shutdown(Duration::from_secs(60));
        assert_eq!(report.finished, 1, "in round {round}");
    }
}

/// One test, because descriptors are counted for the whole process.
#[cfg(target_os = "linux")]
#[test]
fn outcomes_that_nobody_took_hold_no_descriptor() {
    let open = || std::fs::read_dir("/proc/self/fd").expect("procfs").count();
    let before = open();
    for _ in 0..200 {
        let off = Offloop::<()>::builder().fd_waker().build().expect("an offloop");
        let ticket = off.call(|| ()).then(|(), _| {});
        while !ticket.is_done() {
            thread::yield_now();
        }
    }
    // The same while another thread submits across the end.
    for _ in 0..200 {
        let off = Offloop::<()>::builder().fd_waker().build().expect("an offloop");
        let handle = off.handle();
        let (submitting, seen) = mpsc::channel();
        let submitter = thread::spawn(move || {
            let mut last = handle.call(|| ()).then(|(), _| {});
            submitting.send(()).expect("the test waits");
            for _ in 0..200 {
                last = handle.call(|| ()).then(|(), _| {});
            }
            drop(handle);
            last
        });
        seen.recv().expect("it submits");
        drop(off);
        drop(submitter.join().expect("a submitter"));
    }
    let left = open().saturating_sub(before);
    assert!(left < 100, "{left} descriptors of 400 offloops are left");
}
