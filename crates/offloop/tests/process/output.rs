//! What workers print. Invariant: it is told line by line and with its origin, and nobody who prints,
//! or hears, holds up anybody else.

use std::sync::Mutex;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use crate::common::alone::{alone, offloop_threads};
use crate::common::{PATIENCE, Seen, TestLoop, keep, wait_for};
use crate::functions::{burst, double, looped, print, processes};
use crate::tricks::{leave_a_printer, leave_a_word, print_error};

struct Line {
    process: u32,
    is_stderr: bool,
    text: String,
}

fn heard(worker: offloop::Processes) -> (offloop::Processes, Receiver<Line>) {
    let (send, lines) = channel();
    let worker = worker.on_output(move |line| {
        let (process, is_stderr) = (line.process, line.is_stderr);
        let _closed = send.send(Line { process, is_stderr, text: line.text.to_owned() });
    });
    (worker, lines)
}

/// The next line that has this text in it.
fn line(lines: &Receiver<Line>, text: &str) -> Line {
    loop {
        let line = lines.recv_timeout(PATIENCE).expect("it is printed");
        if line.text.contains(text) {
            return line;
        }
    }
}

#[test]
fn a_line_has_its_stream_and_its_process() {
    let (worker, lines) = heard(processes().workers(1).spare(0));
    let lp: TestLoop<Seen<u32>> = looped(worker);
    lp.off.call_fn(print_error, "an error\n".into()).process().then(keep);
    let process = lp.outcome().unwrap();
    let error = line(&lines, "an error");
    assert_eq!((error.process, error.is_stderr), (process, true));
    lp.off.call_fn(print, "no error\n".into()).process().then(keep);
    let plain = line(&lines, "no error");
    assert_eq!((plain.process, plain.is_stderr), (process, false));
}

#[test]
fn a_line_without_an_end_comes_in_parts() {
    let (worker, lines) = heard(processes().workers(1).spare(0));
    let lp: TestLoop<Seen<u32>> = looped(worker);
    lp.off.call_fn(print, "x".repeat(200 * 1024)).process().then(keep);
    assert!(lp.outcome().is_ok());
    // The worker lives, and nothing says that a line is over.
    assert!(line(&lines, "xxx").text.len() <= 64 * 1024);
}

#[test]
fn a_hook_that_panics_hears_the_next_line() {
    let (send, lines) = channel();
    let worker = processes().workers(1).spare(0).on_output(move |line| {
        let _closed = send.send(line.text.to_owned());
        assert!(!line.text.contains("unheard of"), "a panic of the hook");
    });
    let lp: TestLoop<Seen<u32>> = looped(worker);
    lp.off.call_fn(print, "unheard of\nafter it\n".into()).process().then(keep);
    let has = |text: &str| {
        while !lines.recv_timeout(PATIENCE).expect("it is printed").contains(text) {}
    };
    has("unheard of");
    has("after it");
}

/// The worker's own panic hook is the program's, and one of ours in front of it.
#[test]
fn a_panic_is_printed_as_in_any_program() {
    let (worker, lines) = heard(processes().workers(1).spare(0));
    let lp: TestLoop<Seen<u32>> = looped(worker);
    lp.off.call_fn(burst, "a panic's text".into()).process().then(keep);
    assert!(lp.outcome().is_err());
    assert!(line(&lines, "a panic's text").is_stderr);
}

/// One that is recycled, and one that is there at the end: each comes to its own end, and so prints
/// what it has kept back.
#[test]
fn a_worker_that_is_asked_to_leave_ends_by_itself() {
    let (worker, lines) = heard(processes().workers(1).spare(0).recycle_after(1));
    let lp: TestLoop<Seen<u32>> = looped(worker);
    lp.off.call_fn(leave_a_word, "word 1".into()).process().then(keep);
    assert!(lp.outcome().is_ok());
    line(&lines, "word 1");
    let (worker, lines) = heard(processes().workers(1).spare(0));
    let lp: TestLoop<Seen<u32>> = looped(worker);
    lp.off.call_fn(leave_a_word, "word 2".into()).process().then(keep);
    assert!(lp.outcome().is_ok());
    lp.off.shutdown(PATIENCE);
    line(&lines, "word 2");
}

/// G12
#[test]
fn a_shutdown_does_not_wait_for_a_hook_that_does_not_return() {
    static OPEN: Mutex<()> = Mutex::new(());
    let closed = OPEN.lock().unwrap();
    let (send, lines) = channel();
    let worker = processes().workers(1).spare(0).on_output(move |line| {
        let _closed = send.send(line.text.to_owned());
        drop(OPEN.lock());
    });
    let lp: TestLoop<Seen<u32>> = looped(worker);
    lp.off.call_fn(print, "a line\n".into()).process().then(keep);
    lines.recv_timeout(PATIENCE).expect("the hook is in its first line");
    assert!(lp.outcome().is_ok());
    let report = lp.off.shutdown(Duration::ZERO);
    assert_eq!(report.abandoned.len(), 0);
    drop(closed);
}

/// G12, G13
#[test]
fn a_shutdown_does_not_hear_out_what_a_worker_has_left() {
    alone("output::a_shutdown_does_not_hear_out_what_a_worker_has_left", || {
        // It hears more slowly than is printed, so that there is always more.
        let worker = processes().workers(1).spare(0);
        let worker = worker.on_output(|_| std::thread::sleep(Duration::from_millis(1)));
        let lp: TestLoop<Seen<u32>> = looped(worker);
        lp.off.call_fn(leave_a_printer, ()).process().then(keep);
        lp.outcome().expect("it prints");
        lp.off.call_fn(double, 1).process().then(keep);
        assert!(matches!(lp.outcome(), Ok(2)));
        lp.off.shutdown(Duration::ZERO);
        wait_for("the reading thread is gone", || offloop_threads().is_empty());
    });
}
