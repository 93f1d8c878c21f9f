//! What the workers of these tests can do, and offloops that have them. Invariant: each function
//! does what its name says, and nothing else.

use std::time::Duration;

use offloop::{Context, Functions, Processes};

use crate::common::TestLoop;

pub(crate) fn double(n: u32) -> u32 {
    n * 2
}

pub(crate) fn process_id(_: ()) -> u32 {
    std::process::id()
}

pub(crate) fn burst(text: String) -> u32 {
    panic!("{text}")
}

pub(crate) fn abort(_: ()) -> u32 {
    std::process::abort()
}

pub(crate) fn exit(code: i32) -> u32 {
    std::process::exit(code)
}

/// Never returns.
pub(crate) fn spin(_: ()) -> u32 {
    loop {
        std::hint::spin_loop();
    }
}

pub(crate) fn sleep(ms: u64) -> u32 {
    std::thread::sleep(Duration::from_millis(ms));
    0
}

pub(crate) fn reverse(mut bytes: Vec<u8>) -> Vec<u8> {
    bytes.reverse();
    bytes
}

pub(crate) fn count_up(cx: &Context, to: u32) -> u32 {
    (1..=to).for_each(|n| cx.progress(n));
    to
}

pub(crate) fn functions() -> Functions {
    Functions::new()
        .add("double", double)
        .add("process id", process_id)
        .add("burst", burst)
        .add("abort", abort)
        .add("exit", exit)
        .add("spin", spin)
        .add("sleep", sleep)
        .add("reverse", reverse)
        .add_with("count up", count_up)
}

/// Workers that are this program.
pub(crate) fn processes() -> Processes {
    let program = std::env::current_exe().expect("the test program has a path");
    let worker = Processes::new(functions()).program(program);
    ["--exact", "worker_entry", "--nocapture", "--quiet", "--test-threads=1"]
        .into_iter()
        .fold(worker, Processes::arg)
}

pub(crate) fn looped<S: 'static>(processes: Processes) -> TestLoop<S> {
    TestLoop::with(|builder| builder.processes(processes))
}
