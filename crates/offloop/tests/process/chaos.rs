//! Everything that can go wrong, at once and over and over. Invariant: each call has one outcome, of
//! the kind that it asked for; no call pays for another one; and nothing is left.

use std::cell::RefCell;
use std::time::Duration;

use offloop::{By, Exit, Failure, Offloop, Outcome, Reason};

use crate::common::alone::{alone, descriptors, offloop_threads};
use crate::common::{TestLoop, explode};
use crate::functions::{
    Bomb, How, Stubborn, abort, burst, devour, double, exit, give_bomb, give_stubborn,
    kill_oneself, processes, reverse, sleep, spin, stop_oneself, take_stubborn, zeroes,
};

/// How many calls; `OFFLOOP_CHAOS` says another number.
const CALLS: u64 = 1500;

/// What a call came to, as far as it matters here.
type Kind = String;

#[derive(Default)]
struct Books {
    done: u64,
    wrong: Vec<String>,
    /// By kind.
    seen: std::collections::BTreeMap<Kind, u64>,
}

fn kind<T>(outcome: &Outcome<T>) -> Kind {
    match outcome {
        Ok(_) => "value".into(),
        Err(Failure::Panicked(_)) => "panic".into(),
        Err(Failure::Died(Exit::Signal(signal))) => format!("signal {signal}"),
        Err(Failure::Died(Exit::Code(code))) => format!("code {code}"),
        Err(Failure::Died(exit)) => format!("{exit:?}"),
        Err(Failure::Cancelled(By::Caller)) => "cancel".into(),
        Err(Failure::TimedOut) => "deadline".into(),
        Err(Failure::Codec(_)) => "codec".into(),
        Err(Failure::Rejected(Reason::TooLarge)) => "too large".into(),
        Err(other) => format!("{other:?}"),
    }
}

/// A handler that knows what may have come.
fn expect<T>(expected: &'static [&'static str]) -> impl FnOnce(&mut Books, Outcome<T>) {
    // A handler that is dropped unrun is noticed by the count.
    let once = RefCell::new(Some(()));
    move |books, outcome| {
        once.take().unwrap_or_else(|| explode("a second outcome"));
        let kind = kind(&outcome);
        books.done += 1;
        if !expected.contains(&kind.as_str()) {
            books.wrong.push(format!("{kind}, not one of {expected:?}"));
        }
        *books.seen.entry(kind).or_default() += 1;
    }
}

const SOON: Duration = Duration::from_millis(40);

/// One call, of the kind that `dice` says.
fn submit(off: &Offloop<Books>, dice: u64) {
    let n = (dice >> 32) as u32 % 1000;
    match dice % 100 {
        0 => drop(off.call_fn(abort, ()).process().then(expect(&["signal 6", "MemoryLimit"]))),
        1 => drop(off.call_fn(exit, 3).process().then(expect(&["code 3"]))),
        2 => drop(off.call_fn(kill_oneself, ()).process().then(expect(&["signal 9"]))),
        3 => drop(off.call_fn(spin, ()).process().deadline(SOON).then(expect(&["deadline"]))),
        4 => {
            let call = off.call_fn(stop_oneself, ()).process();
            call.deadline(SOON).then(expect(&["deadline"]));
        }
        5 => off.call_fn(spin, ()).process().then(expect(&["cancel"])).cancel(),
        6 if n < 200 => drop(off.call_fn(devour, ()).process().then(expect(&["MemoryLimit"]))),
        7..=12 => drop(off.call_fn(burst, "boom".into()).process().then(expect(&["panic"]))),
        13 => {
            let call = off.call_fn(take_stubborn, Stubborn(How::Encoding)).process();
            call.then(expect(&["codec"]));
        }
        14 => drop(off.call_fn(give_stubborn, How::Decoding).process().then(expect(&["codec"]))),
        15 => {
            let call = off.call_fn(take_stubborn, Stubborn(How::DecodingByPanic)).process();
            call.then(expect(&["panic"]));
        }
        16 => {
            let call = off.call_fn(give_bomb, std::process::id()).process();
            call.then(expect::<Bomb>(&["value"]));
        }
        17 => drop(off.call_fn(zeroes, 3_000_000).process().then(expect(&["too large"]))),
        18..=22 => {
            let bytes = vec![1; 100 * n as usize];
            off.call_fn(reverse, bytes).process().then(expect(&["value"]));
        }
        23..=30 => {
            // Before, while or after it runs.
            let ticket = off.call_fn(sleep, 2).process().then(expect(&["value", "cancel"]));
            if n.is_multiple_of(2) {
                std::thread::sleep(Duration::from_micros(u64::from(n) * 5));
            }
            ticket.cancel();
        }
        31..=35 => drop(off.call_fn(sleep, 1).process().then(expect(&["value"]))),
        _ => drop(off.call_fn(double, n).process().then(expect(&["value"]))),
    }
}

#[test]
fn chaos_costs_nobody_else_anything_and_leaves_nothing() {
    alone("chaos::chaos_costs_nobody_else_anything_and_leaves_nothing", || {
        let calls = std::env::var("OFFLOOP_CHAOS").map_or(CALLS, |n| n.parse().expect("a number"));
        let before = descriptors().len();
        let worker = processes().workers(3).max_payload(2_000_000).memory_limit(120 << 20);
        let lp: TestLoop<Books> = crate::functions::looped(worker.recycle_after(30));
        let mut books = Books::default();
        let mut state = 0x2545_f491_4f6c_dd1d_u64;
        for submitted in 0..calls {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            submit(&lp.off, state);
            // Not all at once: a deadline counts from the submit.
            lp.run_until(&mut books, |books| submitted - books.done.min(submitted) < 6);
        }
        lp.run_until(&mut books, |books| books.done >= calls);
        assert_eq!(books.done, calls);
        let stats = lp.off.stats();
        lp.off.shutdown(Duration::from_secs(5));
        println!("{:#?}\n{:#?}", books.seen, stats.workers);
        assert_eq!(books.wrong, Vec::<String>::new());
        assert_eq!(offloop_threads(), Vec::<String>::new());
        assert_eq!(descriptors().len(), before, "{:?}", descriptors());
        let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
        assert!(!maps.contains("memfd:offloop"), "no shared memory is left");
    });
}
