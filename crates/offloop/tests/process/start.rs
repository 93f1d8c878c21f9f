//! Workers that do not come up. Invariant: a call that waits for one has an outcome.

use std::time::{Duration, Instant};

use offloop::{Failure, Functions, Offloop, Processes, Reason};

use crate::common::{Seen, TestLoop, keep, wait_for};
use crate::functions::{
    Mark, abort, begin_and_wait, double, functions, looped, print, processes, spin,
};

fn no_worker(worker: Processes) -> String {
    let worker = worker.workers(1).back_off(Duration::from_millis(1));
    let lp: TestLoop<Seen<u32>> = looped(worker);
    lp.off.call_fn(double, 1).process().then(keep);
    let outcome = lp.outcome();
    assert!(matches!(outcome, Err(Failure::Rejected(Reason::NoWorker))), "{outcome:?}");
    let stats = lp.off.stats();
    assert!(stats.processes.start_failures >= 3 && stats.rejected == 1);
    stats.workers.last_start_failure.expect("it says why")
}

fn shell(script: &str) -> Processes {
    Processes::new(functions()).program("/bin/sh").arg("-c").arg(script)
}

#[test]
fn a_program_that_is_not_there() {
    let why = no_worker(Processes::new(functions()).program("/nowhere/at/all"));
    assert!(why.contains("did not start a worker"), "{why}");
}

/// Over and over: a crash at the start is not a fork bomb.
#[test]
fn a_worker_that_ends_before_it_is_ready() {
    let why = no_worker(shell("exit 3"));
    assert!(why.contains("exited with code 3") && why.contains("run_if_worker"), "{why}");
}

#[test]
fn a_worker_that_hangs_before_it_is_ready() {
    let why = no_worker(shell("sleep 600").handshake(Duration::from_millis(50)));
    assert!(why.contains("not ready within 50ms"), "{why}");
}

#[test]
fn a_worker_that_says_nonsense() {
    let why = no_worker(shell("echo nonsense >&0; sleep 600"));
    assert!(why.contains("no greeting"), "{why}");
}

#[test]
fn a_worker_with_other_functions() {
    let others = Functions::new().add("double", double).add("print", print);
    let program = std::env::current_exe().unwrap();
    let worker = Processes::new(others).program(program).on_output(|_| {});
    let args = ["--exact", "worker_entry", "--nocapture", "--test-threads=1"];
    let why = no_worker(args.into_iter().fold(worker, Processes::arg));
    assert!(why.contains("functions are not the ones"), "{why}");
    assert!(why.contains("it has [abort(()) -> u32"), "{why}");
}

/// A call gives up at its own deadline, whatever its worker does.
#[test]
fn a_deadline_is_kept_while_a_worker_starts() {
    let lp: TestLoop<Seen<u32>> = looped(shell("sleep 600").workers(1));
    let call = lp.off.call_fn(double, 1).process();
    call.deadline(Duration::from_millis(30)).then(keep);
    assert!(matches!(lp.outcome(), Err(Failure::TimedOut)));
}

#[test]
fn a_shutdown_does_not_wait_for_a_worker_that_does_not_come_up() {
    let lp: TestLoop<Seen<u32>> = looped(shell("sleep 600").workers(1));
    lp.off.call_fn(double, 1).process().then(keep);
    wait_for("it waits for a worker", || lp.off.stats().processes.running == 1);
    let report = lp.off.shutdown(Duration::from_millis(30));
    assert_eq!(report.abandoned.len(), 1);
    assert_eq!(lp.off.stats().processes.threads, 0);
}

#[test]
fn a_call_that_nobody_can_run_is_refused_at_its_submit() {
    let lp: TestLoop<Seen<u32>> = TestLoop::new();
    lp.off.call_fn(double, 1).process().then(keep);
    assert!(matches!(lp.outcome(), Err(Failure::Rejected(Reason::NotConfigured))));
    lp.off.call_fn(double, 1).process().threads().then(keep);
    assert!(matches!(lp.outcome(), Ok(2)), "the last executor counts");
    let lp: TestLoop<Seen<u32>> = looped(processes().workers(1));
    lp.off.call_fn(|n: u32| n, 1).process().then(keep);
    assert!(matches!(lp.outcome(), Err(Failure::Rejected(Reason::Unregistered))));
    let refused = lp.off.call_fn(|n: u32| n, 1).process().try_then(keep).unwrap_err();
    assert!(matches!(refused.reason, Failure::Rejected(Reason::Unregistered)));
}

#[test]
fn what_can_not_work_is_said_by_build() {
    let build = |worker: Processes| {
        let built = Offloop::<()>::builder().no_waker().processes(worker).build();
        built.expect_err("it can't work").to_string()
    };
    let text = build(Processes::new(functions()));
    assert!(text.contains("first line of main()"), "{text}");
    let text = build(processes().workers(0));
    assert!(text.contains("Processes::workers is 0"), "{text}");
    let text = build(processes().queue(0));
    assert!(text.contains("a queue of 0"), "{text}");
}

/// The spare is there before anybody needs it, and is not counted as a call's.
#[test]
fn a_spare_is_kept_ready() {
    let lp: TestLoop<Seen<u32>> = looped(processes().workers(2).spare(1));
    wait_for("the first one is ready", || lp.off.stats().workers.started == 1);
    lp.off.call_fn(spin, ()).process().then(keep);
    wait_for("another one is ready", || lp.off.stats().workers.started == 2);
    lp.off.call_fn(spin, ()).process().then(keep);
    wait_for("and a third one", || lp.off.stats().workers.started == 3);
    assert_eq!(lp.off.stats().processes.threads, 3);
}

/// G16
#[test]
fn a_call_never_waits_behind_a_running_one_while_there_may_be_more_workers() {
    let lp: TestLoop<Seen<u32>> = looped(processes().workers(3).spare(0));
    let spinning = [(); 2].map(|()| lp.off.call_fn(spin, ()).process().then(keep));
    lp.off.call_fn(double, 1).process().then(keep);
    assert!(matches!(lp.outcome(), Ok(2)));
    assert!(spinning.iter().all(|ticket| !ticket.is_done()));
}

#[test]
fn output_comes_line_by_line_and_with_its_origin() {
    let (send, lines) = std::sync::mpsc::channel();
    let worker = processes().workers(1).spare(0).on_output(move |line| {
        let _closed = send.send((line.process, line.is_stderr, line.text.to_owned()));
    });
    let lp: TestLoop<Seen<u32>> = looped(worker);
    lp.off.call_fn(print, "one\ntwo\npart".to_owned()).process().then(keep);
    assert!(lp.outcome().is_ok());
    lp.off.shutdown(Duration::from_secs(5));
    let texts: Vec<String> = lines.try_iter().filter(|line| !line.1).map(|line| line.2).collect();
    // The harness around the worker prints, too.
    assert!(texts.windows(3).any(|three| three == ["one", "two", "part"]), "{texts:?}");
}

/// Three tries, and in between one pause and one of twice its length.
#[test]
fn a_start_that_failed_is_waited_out() {
    let pause = Duration::from_millis(100);
    let lp: TestLoop<Seen<u32>> = looped(shell("exit 3").workers(1).spare(0).back_off(pause));
    let begun = Instant::now();
    lp.off.call_fn(double, 1).process().then(keep);
    assert!(matches!(lp.outcome(), Err(Failure::Rejected(Reason::NoWorker))));
    assert!(begun.elapsed() >= 3 * pause, "never less, however fast the machine");
    assert!(lp.off.stats().processes.start_failures >= 3);
}

/// Starts that were put off for another one's failure are made up for.
#[test]
fn a_program_that_comes_to_be_there_is_started() {
    let program = Mark::new();
    let worker = Processes::new(functions()).program(program.name()).on_output(|_| {});
    let args = ["--exact", "worker_entry", "--nocapture", "--quiet", "--test-threads=1"];
    let worker = args.into_iter().fold(worker.workers(2).spare(2), Processes::arg);
    let lp: TestLoop<Seen<u32>> = looped(worker.back_off(Duration::from_millis(1)));
    for _ in 0..2 {
        lp.off.call_fn(double, 1).process().then(keep);
        assert!(matches!(lp.outcome(), Err(Failure::Rejected(Reason::NoWorker))));
    }
    std::os::unix::fs::symlink(std::env::current_exe().unwrap(), program.name()).unwrap();
    wait_for("all are there", || lp.off.stats().workers.started == 2);
    lp.off.call_fn(double, 1).process().then(keep);
    assert!(matches!(lp.outcome(), Ok(2)));
}

/// However often it failed, and however long a pause was asked for.
#[test]
fn a_pause_is_not_longer_than_two_seconds() {
    let lp: TestLoop<Seen<u32>> = looped(shell("exit 3").workers(1).back_off(Duration::MAX));
    wait_for("it is tried again", || lp.off.stats().processes.start_failures >= 2);
}

/// Workers that come up while a file is there.
fn while_there(mark: &Mark) -> Processes {
    let program = std::env::current_exe().unwrap();
    let script = format!(
        "test -e {} && exec {} --exact worker_entry --nocapture --quiet --test-threads=1",
        mark.name(),
        program.display()
    );
    let worker = shell(&format!("{script}; exit 3")).on_output(|_| {}).spare(0);
    worker.back_off(Duration::from_millis(1))
}

#[test]
fn a_worker_that_came_up_makes_up_for_those_that_did_not() {
    let mark = Mark::new();
    let lp: TestLoop<Seen<u32>> = looped(while_there(&mark).workers(1));
    let failures = || lp.off.stats().processes.start_failures;
    lp.off.call_fn(double, 1).process().then(keep);
    assert!(matches!(lp.outcome(), Err(Failure::Rejected(Reason::NoWorker))));
    // One that starts still, and fails, would count against the next call.
    wait_for("none starts any more", || lp.off.stats().processes.threads == 0);
    let before = failures();
    std::fs::write(mark.name(), "").unwrap();
    lp.off.call_fn(double, 1).process().then(keep);
    assert!(matches!(lp.outcome(), Ok(2)));
    std::fs::remove_file(mark.name()).unwrap();
    lp.off.call_fn(abort, ()).process().then(keep);
    assert!(matches!(lp.outcome(), Err(Failure::Died(_))));
    lp.off.call_fn(double, 1).process().then(keep);
    assert!(matches!(lp.outcome(), Err(Failure::Rejected(Reason::NoWorker))));
    assert!(failures() >= before + 3, "it was tried as often as the first time");
}

/// There is one that will come back.
#[test]
fn a_call_waits_for_a_busy_worker_where_no_other_one_comes_up() {
    let mark = Mark::new();
    std::fs::write(mark.name(), "").unwrap();
    let lp: TestLoop<Seen<u32>> = looped(while_there(&mark).workers(2));
    let (begun, open) = (Mark::new(), Mark::new());
    lp.off.call_fn(begin_and_wait, (begun.name(), open.name())).process().then(keep);
    begun.wait();
    std::fs::remove_file(mark.name()).unwrap();
    lp.off.call_fn(double, 1).process().then(keep);
    wait_for("it was tried", || lp.off.stats().processes.start_failures >= 5);
    std::fs::write(open.name(), "").unwrap();
    let outcomes = lp.outcomes(2);
    assert!(outcomes.iter().all(Result::is_ok), "{outcomes:?}");
    let stats = lp.off.stats();
    assert_eq!((stats.workers.started, stats.workers.exited), (1, 0), "the others never were any");
    assert!(stats.processes.threads <= 2);
}

#[test]
fn a_time_limit_beyond_the_clock_is_none() {
    let worker = processes().workers(1).handshake(Duration::MAX).back_off(Duration::MAX);
    let lp: TestLoop<Seen<u32>> = looped(worker.cpu_limit(Duration::MAX));
    lp.off.call_fn(double, 1).process().then(keep);
    assert!(matches!(lp.outcome(), Ok(2)));
}

/// Its attendant does not go on waiting for a worker.
#[test]
fn a_call_that_is_decided_while_a_worker_starts_frees_its_place() {
    let lp: TestLoop<Seen<u32>> = looped(shell("sleep 600").workers(1));
    let ticket = lp.off.call_fn(double, 1).process().then(keep);
    wait_for("it waits for a worker", || lp.off.stats().processes.running == 1);
    ticket.cancel();
    assert!(lp.outcome().is_err());
    wait_for("nobody waits", || lp.off.stats().processes.running == 0);
}
