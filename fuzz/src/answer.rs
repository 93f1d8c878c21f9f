//! The target `answer`: calls to workers that say anything. Invariant: each call comes to one outcome,
//! of a kind that fits, and an honest worker's call to its right value.

use std::cell::RefCell;
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use offloop::fuzzing::{Parent, Worker, WorkerSide};
use offloop::{By, Failure, Outcome, Reason};

use crate::cursor::Cursor;
use crate::script::{self, Right, Side, Step};
use crate::values::{Value, functions, wrap};
use crate::watch::{self, watched};

/// Twice what goes inside a message.
const PAYLOAD_MAX: usize = 64 * 1024;
const RESULT_AT: u64 = 4096 + PAYLOAD_MAX as u64;

/// As many as a call may be given to, and one more.
const WORKERS_MAX: usize = 5;

/// Far more than a thread needs to greet.
const PATIENCE: Duration = Duration::from_secs(20);

thread_local! {
    /// A worker as the library has it, on a thread; it serves input after input.
    static HONEST: RefCell<Option<Worker>> = const { RefCell::new(None) };
}

/// One byte of ways, then the workers' scripts.
pub fn answer(bytes: &[u8]) {
    watched(|| {
        let mut bytes = Cursor::new(bytes);
        let ways = Ways(bytes.byte());
        let scripts = script::scripts(&mut bytes, WORKERS_MAX);
        let mut parent = Parent::new(&functions(), PAYLOAD_MAX);
        let honest = honest(&parent);
        parent.hire(&honest);
        let calls = meet_all(&parent, &honest, scripts, ways);
        assert_eq!(parent.count_decided(), calls, "one outcome per call");
        if honest.is_lost() {
            // A cancel meant it: the call had come to it.
            HONEST.take();
            return;
        }
        let outcome = parent.call(wrap, (7, "abc".to_owned()), false).run();
        let right = "Ok(Many([Number(7), Text(\"abc\")]))";
        assert_eq!(format!("{outcome:?}"), right, "an innocent call");
        assert_eq!(parent.count_decided(), 1);
        assert!(!honest.is_lost());
    });
}

/// How the calls are made.
#[derive(Clone, Copy)]
struct Ways(u8);

impl Ways {
    /// The scripts are played while the parent listens; else before, and then the same bytes always do
    /// the same.
    fn is_live(self) -> bool {
        self.0 & 1 != 0
    }

    fn is_idempotent(self) -> bool {
        self.0 & 2 != 0
    }

    /// The argument goes through the memory.
    fn is_large(self) -> bool {
        self.0 & 4 != 0
    }

    /// Whoever answered has another call.
    fn goes_on(self) -> bool {
        self.0 & 8 != 0
    }

    fn argument(self) -> (u32, String) {
        (1, "x".repeat(if self.is_large() { PAYLOAD_MAX - 100 } else { 10 }))
    }
}

/// Has the scripts played by workers that are asked before the honest one; gives the number of calls.
fn meet_all(parent: &Parent, honest: &Worker, scripts: Vec<Vec<Step<'_>>>, ways: Ways) -> usize {
    let call = parent.call(wrap, ways.argument(), ways.is_idempotent());
    let can_be_cancelled = scripts.iter().flatten().any(|step| matches!(step, Step::Cancel));
    let met: Vec<_> = scripts.iter().map(|_| parent.meet()).collect();
    let workers: Vec<_> = met.iter().map(|(worker, _)| worker.clone()).collect();
    // The last one hired is the first one asked.
    workers.iter().rev().for_each(|worker| parent.hire(worker));
    let mut numbers = 1..;
    std::thread::scope(|scope| {
        let mut stays = Vec::new();
        for (steps, (_, side)) in scripts.into_iter().zip(met) {
            let number = numbers.next().expect("there is always one more");
            let right = Right { number, body_at: RESULT_AT, ..Right::default() };
            let canceller = call.canceller();
            let WorkerSide { socket, memory, process } = side;
            let mut side = Side { memory: Some(memory), process: Some(process), ..Side::default() };
            let play = move |socket| {
                side.socket = Some(socket);
                side.play(steps, right, || canceller.cancel());
                side
            };
            if ways.is_live() {
                scope.spawn(move || {
                    wait_for_a_call(&socket);
                    play(socket)
                });
            } else {
                stays.push(play(socket));
            }
        }
        let outcome = call.run();
        if !ways.is_live() && is_an_answer(&outcome, ways) {
            let answered =
                (1..).zip(&stays).any(|(number, side): (_, &Side)| side.has_answered(number));
            assert!(answered, "nobody has answered this call: {outcome:?}");
        }
        check(outcome, can_be_cancelled);
        // Where the cancel meant the honest one, nobody may be left to take another call.
        let goes_on = ways.goes_on() && !honest.is_lost();
        if goes_on {
            check(parent.call(wrap, ways.argument(), true).run(), false);
        }
        for worker in &workers {
            parent.dismiss(worker);
            worker.shut();
        }
        1 + usize::from(goes_on)
    })
}

/// Whether it can only come of what a worker said, and not the honest one.
fn is_an_answer(outcome: &Outcome<Value>, ways: Ways) -> bool {
    let right = ways.argument();
    match outcome {
        Ok(Value::Many(parts)) => match &parts[..] {
            [Value::Number(1), Value::Text(text)] => *text != right.1,
            _ => true,
        },
        Ok(_) | Err(Failure::Codec(_) | Failure::Rejected(_)) => true,
        // The other ones are of progress that the call's handler does not take.
        Err(Failure::Panicked(panic)) => !panic.to_string().contains(watch::FUNCTIONS_OWN),
        Err(_) => false,
    }
}

/// The terms lie in front of it.
fn wait_for_a_call(socket: &OwnedFd) {
    let mut bytes = [0; 64];
    for _ in 0..2 {
        let _ended = rustix::net::recv(socket, &mut bytes[..], rustix::net::RecvFlags::empty());
    }
}

/// Nothing that a worker says is taken for anybody else's word.
fn check(outcome: Outcome<Value>, can_be_cancelled: bool) {
    match outcome {
        Ok(mut value) => {
            std::hint::black_box(value.look());
        }
        Err(Failure::Died(_) | Failure::Codec(_) | Failure::Panicked(_)) => {}
        Err(Failure::Rejected(Reason::TooLarge)) => {}
        Err(Failure::Cancelled(By::Caller)) if can_be_cancelled => {}
        Err(other) => panic!("no worker can bring about: {other:?}"),
    }
}

fn honest(parent: &Parent) -> Worker {
    if let Some(worker) = HONEST.with_borrow(Clone::clone) {
        return worker;
    }
    // The one before has put a hook of its own in front.
    watch::install();
    let (worker, side) = parent.meet();
    std::thread::spawn(move || {
        offloop::fuzzing::serve(side.socket, &functions());
        rustix::io::write(&side.process, &1_u64.to_ne_bytes()).expect("it has room");
    });
    let until = Instant::now() + PATIENCE;
    while let Err(text) = parent.check(&worker) {
        assert!(text.contains("timed out") && Instant::now() < until, "{text}");
        std::thread::yield_now();
    }
    HONEST.set(Some(worker.clone()));
    worker
}
