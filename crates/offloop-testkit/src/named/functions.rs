//! The functions of the suite. Invariant: what a check and a function have in common are a port and
//! a file, so that they may live in two processes; and no function outlives its check, whatever the
//! verdict is.

use std::cell::RefCell;
use std::collections::HashMap;
use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::panic::resume_unwind;
use std::sync::{Mutex, PoisonError};
use std::thread::{self, ThreadId};
use std::time::Duration;

use offloop::{Context, Functions};
use serde::{Deserialize, Serialize};

/// Registers the functions of [`call_fn_suite!`](crate::call_fn_suite), for workers that are to run
/// it.
pub fn add_to(functions: Functions) -> Functions {
    functions
        .add("suite: echo", echo)
        .add("suite: append", append)
        .add("suite: append slowly", append_slowly)
        .add("suite: visit", visit)
        .add_with("suite: heed", heed)
        .add("suite: stay", stay)
        .add("suite: settle", settle)
        .add("suite: burst", burst)
        .add("suite: give bomb", give_bomb)
        .add("suite: keep bomb", keep_bomb)
        .add("suite: give probe", give_probe)
        .add("suite: take probe", take_probe)
        .add("suite: reverse", reverse)
        .add_with("suite: count up", count_up)
        .add_with("suite: has deadline", has_deadline)
}

/// Where a function reports, and as which one.
pub(super) type Caller = (u16, u32);

/// Tells the check that the function has begun. The connection ends with the function, its thread or
/// its process, whichever is the first.
fn report((port, number): Caller) -> TcpStream {
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).expect("the check listens");
    stream.write_all(&number.to_le_bytes()).expect("the check listens");
    stream
}

/// Until the check says something, or is gone.
fn wait_for_word(stream: &mut TcpStream) {
    let _gone = stream.read(&mut [0]);
}

/// Whether the check is over; it says nothing to this one.
fn is_over(stream: &mut TcpStream) -> bool {
    stream.set_nonblocking(true).expect("a socket can be asked");
    !matches!(stream.read(&mut [0]), Err(error) if error.kind() == ErrorKind::WouldBlock)
}

pub(super) fn echo(value: u32) -> u32 {
    value
}

fn write_line(file: &str, line: &str) {
    let file = std::fs::File::options().create(true).append(true).open(file);
    file.expect("it can be opened").write_all(line.as_bytes()).expect("it has room");
}

/// Leaves a line at the end of a file.
pub(super) fn append((file, value): (String, u32)) -> u32 {
    write_line(&file, &format!("{value}\n"));
    value
}

/// Leaves a line when it begins, and another one some time later.
pub(super) fn append_slowly((file, value): (String, u32)) -> u32 {
    write_line(&file, &format!("+{value}\n"));
    thread::sleep(Duration::from_millis(3));
    write_line(&file, &format!("-{value}\n"));
    value
}

/// Reports, and returns when it is let go.
pub(super) fn visit(caller: Caller) -> u32 {
    wait_for_word(&mut report(caller));
    caller.1
}

/// Reports, and returns when its call is cancelled.
pub(super) fn heed(cx: &Context, caller: Caller) -> u32 {
    let mut stream = report(caller);
    while !cx.is_cancelled() && !is_over(&mut stream) {
        thread::sleep(Duration::from_millis(1));
    }
    caller.1
}

/// Reports, and never returns by itself.
pub(super) fn stay(caller: Caller) -> u32 {
    let mut stream = report(caller);
    while !is_over(&mut stream) {
        thread::sleep(Duration::from_millis(1));
    }
    caller.1
}

thread_local! {
    static SETTLED: RefCell<Vec<TcpStream>> = const { RefCell::new(Vec::new()) };
}

/// Leaves a connection that ends with its thread; returns when it is let go.
pub(super) fn settle(caller: Caller) -> u32 {
    let mut stream = report(caller);
    wait_for_word(&mut stream);
    SETTLED.with_borrow_mut(|settled| settled.push(stream));
    caller.1
}

/// Past the panic hook: the verdict speaks.
pub(super) fn burst(text: String) -> u32 {
    resume_unwind(Box::new(text))
}

/// Notes that it is dropped, under its number, and panics.
#[derive(Serialize, Deserialize)]
pub(super) struct Bomb(pub(super) u64);

impl Drop for Bomb {
    fn drop(&mut self) {
        note_drop(self.0);
        if !thread::panicking() {
            resume_unwind(Box::new("a destructor panics on purpose"));
        }
    }
}

pub(super) fn give_bomb(number: u64) -> Bomb {
    Bomb(number)
}

pub(super) fn keep_bomb(bomb: Bomb) -> u32 {
    std::mem::forget(bomb);
    1
}

static DROPS: Mutex<Option<HashMap<u64, Vec<ThreadId>>>> = Mutex::new(None);

/// Notes where it is dropped, under its number.
#[derive(Serialize, Deserialize)]
pub(super) struct Probe(pub(super) u64);

impl Drop for Probe {
    fn drop(&mut self) {
        note_drop(self.0);
    }
}

fn note_drop(number: u64) {
    let mut drops = DROPS.lock().unwrap_or_else(PoisonError::into_inner);
    drops.get_or_insert_default().entry(number).or_default().push(thread::current().id());
}

/// The threads of this process that have dropped what has that number.
pub(super) fn drops_of(number: u64) -> Vec<ThreadId> {
    let drops = DROPS.lock().unwrap_or_else(PoisonError::into_inner);
    drops.as_ref().and_then(|drops| drops.get(&number)).cloned().unwrap_or_default()
}

pub(super) fn give_probe(number: u64) -> Probe {
    Probe(number)
}

pub(super) fn take_probe(_: Probe) -> u32 {
    1
}

/// A value of several kinds.
pub(super) type Mixed = (Vec<u8>, String, Option<i64>);

pub(super) fn reverse((mut bytes, text, number): Mixed) -> Mixed {
    bytes.reverse();
    (bytes, text.chars().rev().collect(), number.map(|number| -number))
}

pub(super) fn count_up(cx: &Context, to: u32) -> u32 {
    (1..=to).for_each(|n| cx.progress(n));
    to
}

pub(super) fn has_deadline(cx: &Context, (): ()) -> u32 {
    u32::from(cx.deadline().is_some())
}
