//! Workers that were taken over: each speaks the protocol as far as its host can tell, and then says
//! what no worker of this library would. Invariant: the call that it has comes to a failure, and the
//! host goes on.

use std::io::IoSlice;
use std::time::Duration;

use offloop::{Failure, Outcome, Processes, Reason};
use rustix::net::{RecvFlags, SendFlags};

use crate::common::{Seen, TestLoop, keep};
use crate::functions::{double, functions};

const CALL: u8 = 3;
const VALUE: u8 = 4;
const PANIC: u8 = 5;
const PROGRESS: u8 = 8;

/// A header of the wire, as `execute::process::wire` documents it.
fn header(kind: u8, place: u8, index: u32, number: u64, len: u64, extra: u64) -> Vec<u8> {
    let mut bytes = vec![kind, place, 0, 0];
    bytes.extend(index.to_le_bytes());
    for word in [number, len, extra, 0] {
        bytes.extend(word.to_le_bytes());
    }
    bytes
}

fn send(parts: &[u8]) {
    let mut none = rustix::net::SendAncillaryBuffer::default();
    let flags = SendFlags::NOSIGNAL;
    let stdin = rustix::stdio::stdin();
    // The host may have ended this process by now.
    let _gone = rustix::net::sendmsg(stdin, &[IoSlice::new(parts)], &mut none, flags);
}

fn receive() -> Vec<u8> {
    let mut bytes = vec![0; 64 * 1024];
    let stdin = rustix::stdio::stdin();
    let (_, len) = rustix::net::recv(stdin, &mut bytes[..], RecvFlags::empty()).unwrap_or_default();
    bytes.truncate(len);
    bytes
}

fn word(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(bytes[at..at + 8].try_into().expect("eight bytes"))
}

/// In a worker: greets like one, and gives each call's number to `answer`, until the host is gone.
fn misbehave(answer: impl Fn(u64)) {
    if std::env::var_os("OFFLOOP_WORKER").is_none() {
        return;
    }
    let hello = receive();
    let digest = word(&hello, 40 + 8);
    send(&header(2, 0, 0, 0, 0, digest));
    loop {
        let call = receive();
        if call.is_empty() {
            std::process::exit(0);
        }
        assert_eq!(call[0], CALL);
        answer(word(&call, 8));
    }
}

/// What a call of such a worker comes to.
fn outcome(entry: &str) -> Outcome<u32> {
    let program = std::env::current_exe().unwrap();
    let worker = Processes::new(functions()).program(program).on_output(|_| {}).workers(1);
    let entry = format!("hostile::{entry}");
    let args = ["--exact", &entry, "--nocapture", "--test-threads=1"];
    let worker = args.into_iter().fold(worker.spare(0), Processes::arg);
    let lp: TestLoop<Seen<u32>> = crate::functions::looped(worker);
    lp.off.call_fn(double, 1).process().then(keep);
    let outcome = lp.outcome();
    // And another one, which finds a new worker like it.
    lp.off.call_fn(double, 1).process().then(keep);
    assert!(lp.outcome().is_err());
    lp.off.shutdown(Duration::from_secs(5));
    outcome
}

macro_rules! hostile {
    ($($entry:ident, $test:ident: $answer:expr => $expected:pat,)*) => {$(
        /// No test of anything: the worker of the next one.
        #[test]
        fn $entry() {
            misbehave($answer);
        }

        #[test]
        fn $test() {
            let outcome = outcome(stringify!($entry));
            assert!(matches!(&outcome, $expected), "{outcome:?}");
        }
    )*};
}

hostile! {
    garbles, garbage_for_an_answer: |_| send(b"\xff\xfe\x00") => Err(Failure::Died(_)),
    empties, an_empty_message: |_| send(b"") => Err(Failure::Died(_)),
    floods, more_than_a_message: |_| send(&vec![7; 60_000]) => Err(Failure::Died(_)),
    lies_inline, a_body_that_is_not_there:
        |call| send(&header(VALUE, 0, 0, call, 4, 0)) => Err(Failure::Died(_)),
    mistakes, the_answer_to_another_call:
        |call| send(&header(VALUE, 0, 0, call + 1, 0, 0)) => Err(Failure::Died(_)),
    greets_again, a_greeting_for_an_answer:
        |call| send(&header(2, 0, 0, call, 0, 0)) => Err(Failure::Died(_)),
    lies_about_memory, a_body_beyond_the_memory:
        |call| send(&header(VALUE, 1, 0, call, u64::MAX, 0)) => Err(Failure::Died(_)),
    lies_within_memory, a_body_that_is_no_value:
        |call| send(&header(VALUE, 1, 0, call, 4096, 0)) => Err(Failure::Codec(_)),
    answers_short, a_value_that_is_too_short:
        |call| send(&header(VALUE, 0, 0, call, 0, 0)) => Err(Failure::Codec(_)),
    panics_in_no_language, a_text_that_is_none:
        |call| send(&[header(PANIC, 0, 0, call, 2, 0), vec![0xff, 0xfe]].concat()) => Err(Failure::Panicked(_)),
    progresses_nowhere, progress_of_no_kind:
        |call| send(&header(PROGRESS, 0, 9999, call, 0, 0)) => Err(Failure::Died(_)),
    progresses_elsewhere, progress_of_another_call:
        |call| send(&header(PROGRESS, 0, 0, call + 9, 0, 0)) => Err(Failure::Died(_)),
    closes_and_stays, a_closed_socket_of_a_process_that_lives: |_| {
        let null = std::fs::File::open("/dev/null").expect("it is there");
        rustix::stdio::dup2_stdin(null).expect("it can be replaced");
        std::thread::sleep(Duration::from_secs(600));
    } => Err(Failure::Died(_)),
    answers_twice, an_answer_that_comes_twice: |call| {
        let panic = header(PANIC, 0, 0, call, 0, 0);
        send(&panic);
        send(&panic);
    } => Err(Failure::Panicked(_)),
}

/// No test of anything: the worker of
/// `leaving::a_worker_that_was_reaped_behind_its_answer_is_not_used_again`.
#[test]
fn answers_and_ends() {
    misbehave(|call| {
        // A tuple's name sorts behind that of the empty one, and ahead of all words.
        send(&header(PROGRESS, 0, 1, call, 0, 0));
        send(&[header(VALUE, 0, 0, call, 1, 0), vec![0]].concat());
        std::process::exit(0);
    });
}

/// A worker of this program that is told to run that entry.
fn taken_over(entry: &str) -> Processes {
    let program = std::env::current_exe().unwrap();
    let worker = Processes::new(functions()).program(program).on_output(|_| {}).workers(1);
    let args = ["--exact", entry, "--nocapture", "--test-threads=1"];
    args.into_iter().fold(worker.spare(0), Processes::arg)
}

fn send_with(parts: &[u8], fds: &[std::os::fd::BorrowedFd<'_>]) {
    let mut space = [std::mem::MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(64))];
    let mut control = rustix::net::SendAncillaryBuffer::new(&mut space);
    assert!(control.push(rustix::net::SendAncillaryMessage::ScmRights(fds)));
    let stdin = rustix::stdio::stdin();
    let _gone =
        rustix::net::sendmsg(stdin, &[IoSlice::new(parts)], &mut control, SendFlags::NOSIGNAL);
}

/// No test of anything: the worker of the next one.
#[test]
fn floods_descriptors() {
    use std::os::fd::AsFd;
    misbehave(|call| {
        let null = std::fs::File::open("/dev/null").expect("it is there");
        for _ in 0..400 {
            send_with(&header(PROGRESS, 0, 0, call, 0, 0), &[null.as_fd(); 8]);
        }
        send_with(&header(PANIC, 0, 0, call, 0, 0), &[null.as_fd(); 8]);
    });
}

/// Descriptors that come with what needs none are closed as they come.
#[test]
fn descriptors_that_nobody_wants() {
    const NAME: &str = "hostile::descriptors_that_nobody_wants";
    crate::common::alone::alone(NAME, || {
        crate::common::alone::allow_few_descriptors();
        let lp: TestLoop<Seen<u32>> =
            crate::functions::looped(taken_over("hostile::floods_descriptors"));
        lp.off.call_fn(double, 1).process().then(keep);
        let outcome = lp.outcome();
        assert!(matches!(outcome, Err(Failure::Panicked(_))), "{outcome:?}");
        let null =
            || crate::common::alone::descriptors().iter().filter(|fd| *fd == "/dev/null").count();
        crate::common::wait_for("none is kept", || null() <= 2);
    });
}

/// No test of anything: the worker of the next one.
#[test]
fn sends_too_many_descriptors() {
    use std::os::fd::AsFd;
    misbehave(|call| {
        let null = std::fs::File::open("/dev/null").expect("it is there");
        send_with(&[header(VALUE, 0, 0, call, 1, 0), vec![0]].concat(), &[null.as_fd(); 60]);
    });
}

#[test]
fn a_message_that_lost_descriptors() {
    let outcome = outcome("sends_too_many_descriptors");
    assert!(matches!(outcome, Err(Failure::Died(_))), "{outcome:?}");
}

/// No test of anything: the worker of the next one.
#[test]
fn answers_ahead() {
    misbehave(|call| {
        // Numbers can be guessed; the calls stay unread.
        for ahead in 0..200 {
            send(&[header(VALUE, 0, 0, call + ahead, 1, 0), vec![0]].concat());
        }
        std::thread::sleep(Duration::from_secs(600));
    });
}

/// Its socket fills up with calls that it does not read: one of them finds no room.
#[test]
fn a_worker_that_reads_no_more() {
    let lp: TestLoop<Seen<Vec<u8>>> =
        crate::functions::looped(taken_over("hostile::answers_ahead"));
    for _ in 0..60 {
        lp.off.call_fn(crate::functions::reverse, vec![1; 20_000]).process().then(keep);
        assert!(lp.outcome().is_ok());
    }
    assert!(lp.off.stats().workers.requeued >= 1);
    // The count may follow the outcome.
    crate::common::wait_for("its end is counted", || lp.off.stats().workers.signalled >= 1);
}

/// No test of anything: the worker of the next one.
#[test]
fn answers_too_much() {
    misbehave(|call| {
        let body = [vec![0xc8, 1], vec![7; 200]].concat();
        send(&[header(VALUE, 0, 0, call, body.len() as u64, 0), body].concat());
    });
}

#[test]
fn an_answer_that_is_larger_than_allowed() {
    let ask = |most| {
        let worker = taken_over("hostile::answers_too_much").max_payload(most);
        let lp: TestLoop<Seen<Vec<u8>>> = crate::functions::looped(worker);
        lp.off.call_fn(crate::functions::reverse, vec![1]).process().then(keep);
        lp.outcome()
    };
    assert!(matches!(ask(202), Ok(bytes) if bytes.len() == 200));
    assert!(matches!(ask(201), Err(Failure::Died(_))));
}

/// No test of anything: the worker of the next one.
#[test]
fn begins_with_an_answer() {
    if std::env::var_os("OFFLOOP_WORKER").is_some() {
        let hello = receive();
        send(&header(VALUE, 0, 0, 0, 0, word(&hello, 40 + 8)));
        receive();
    }
}

#[test]
fn an_answer_for_a_greeting() {
    let worker = taken_over("hostile::begins_with_an_answer").back_off(Duration::from_millis(1));
    let lp: TestLoop<Seen<u32>> = crate::functions::looped(worker);
    lp.off.call_fn(double, 1).process().then(keep);
    assert!(matches!(lp.outcome(), Err(Failure::Rejected(Reason::NoWorker))));
    let failure = lp.off.stats().workers.last_start_failure.unwrap();
    assert!(failure.contains("no greeting"), "{failure}");
}

/// It may stop instead of ending; the deadline does not depend on it.
#[test]
fn stops() {
    misbehave(|_| {
        let me = rustix::process::getpid();
        rustix::process::kill_process(me, rustix::process::Signal::STOP).expect("it can stop");
    });
}

#[test]
fn a_stopped_process_and_a_deadline() {
    let program = std::env::current_exe().unwrap();
    let worker = Processes::new(functions()).program(program).on_output(|_| {}).workers(1);
    let args = ["--exact", "hostile::stops", "--nocapture", "--test-threads=1"];
    let lp: TestLoop<Seen<u32>> =
        crate::functions::looped(args.into_iter().fold(worker, Processes::arg));
    lp.off.call_fn(double, 1).process().deadline(Duration::from_millis(300)).then(keep);
    assert!(matches!(lp.outcome(), Err(Failure::TimedOut)));
    lp.off.shutdown(Duration::ZERO);
    assert_eq!(lp.off.stats().processes.threads, 0);
}
