//! Payloads of the largest size there is by default, 1 GiB. Invariant: they run where they were asked
//! for and the machine has the memory, and say so where they do not.

use std::time::{Duration, Instant};

use offloop::{Failure, Outcome, Reason, SharedBuf, Ticket};

use crate::common::{Seen, TestLoop, keep};
use crate::functions::{looped, lower_first, mark_pages, processes};

const GIB: usize = 1 << 30;

/// An encoded text of a little less than a GiB begins with its length, in five bytes.
const LENGTH: usize = 5;

/// The argument, its encoded form, the result's encoded form twice, and the result; in both processes
/// together, with room for what else there is.
const NEEDED: u64 = 7 << 30;

/// Whether there are `bytes` of memory to be had, and somebody wants to wait for it; says it if not.
fn is_possible(bytes: u64) -> bool {
    if std::env::var_os("OFFLOOP_LARGEST").is_none() {
        println!("NOT RUN: `cargo xtask ci chaos` sets OFFLOOP_LARGEST, for a build in release");
        return false;
    }
    // In a container the machine's memory is not all its own.
    let own = std::fs::read_to_string("/sys/fs/cgroup/memory.max").unwrap_or_default();
    let own = own.trim().parse().unwrap_or(u64::MAX);
    let available = of("/proc/meminfo", "MemAvailable:").min(own);
    if available < bytes {
        println!("NOT RUN: {} MiB are available, {} needed", available >> 20, bytes >> 20);
    }
    available >= bytes
}

/// A figure of the kernel's, in bytes.
fn of(file: &str, name: &str) -> u64 {
    let text = std::fs::read_to_string(file).expect("the kernel tells");
    let line = text.lines().find_map(|line| line.strip_prefix(name)).expect("it is there");
    let kib = line.trim().strip_suffix(" kB").expect("in KiB");
    kib.parse::<u64>().expect("a number") << 10
}

fn report(what: &str, begun: Instant) {
    let peak = of("/proc/self/status", "VmHWM:") >> 20;
    println!("{what}: {:.2} s, at most {peak} MiB here", begun.elapsed().as_secs_f64());
}

/// Waits as long as a machine takes that does much else.
fn outcome<T: Send + 'static>(lp: &TestLoop<Seen<T>>, ticket: &Ticket) -> Outcome<T> {
    let until = Instant::now() + Duration::from_secs(300);
    while !ticket.is_done() {
        assert!(Instant::now() < until, "it is not done");
        std::thread::sleep(Duration::from_millis(1));
    }
    lp.outcome()
}

/// As text, which is encoded and decoded as a whole.
#[test]
fn a_gib_goes_and_comes_back_and_one_byte_more_is_refused() {
    if !is_possible(NEEDED) {
        return;
    }
    let lp: TestLoop<Seen<String>> = looped(processes().workers(1).spare(0));
    let send = |text| lp.off.call_fn(lower_first, text).process().then(keep);
    let mut text = "x".repeat(GIB - LENGTH);
    text.replace_range(..1, "A");
    text.replace_range(GIB - LENGTH - 1.., "Z");
    let begun = Instant::now();
    let mut came = outcome(&lp, &send(text)).expect("it is as large as allowed");
    report("1 GiB both ways, encoded and decoded", begun);
    assert_eq!((came.len(), &came[..2], &came[GIB - LENGTH - 2..]), (GIB - LENGTH, "ax", "xZ"));
    assert!(came[1..GIB - LENGTH - 1].bytes().all(|byte| byte == b'x'));

    came.push('!');
    let refused = outcome(&lp, &send(came));
    assert!(matches!(refused, Err(Failure::Rejected(Reason::TooLarge))), "one byte more");
    assert!(matches!(outcome(&lp, &send("AB".to_owned())).as_deref(), Ok("aB")), "it lives on");
    assert_eq!(lp.off.stats().workers.started, 1);
}

#[test]
fn a_buffer_of_a_gib_goes_and_comes_back_in_place() {
    if !is_possible(2 * GIB as u64) {
        return;
    }
    let lp: TestLoop<Seen<SharedBuf>> = looped(processes().workers(1).spare(0));
    let mut buffer = SharedBuf::new(GIB).expect("there is memory");
    buffer[GIB - 1] = 7;
    let place = buffer.as_ptr();
    for round in 1..=2 {
        let begun = Instant::now();
        let ticket = lp.off.call_fn(mark_pages, buffer).process().then(keep);
        buffer = outcome(&lp, &ticket).expect("it is no payload");
        report(&format!("a buffer of 1 GiB, every page touched, round {round}"), begun);
        assert!(buffer.iter().step_by(4096).all(|byte| *byte == round));
    }
    assert_eq!((buffer.as_ptr(), buffer.len(), buffer[GIB - 1]), (place, GIB, 7));
    let workers = lp.off.stats().workers;
    assert!(workers.arena_bytes == 0 && workers.inline_bytes < 1000, "{workers:?}");
}
