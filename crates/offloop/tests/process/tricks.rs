//! What the workers of the tests against single faults can do. Invariant: each function does what
//! its name says, in a way that a worker which is whole gets through.

use std::cell::RefCell;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use offloop::{Context, Functions, SharedBuf};

use crate::values::Two;

/// Says something that is not a line, and that Rust prints at the program's own end.
pub(crate) fn leave_a_word(word: String) -> u32 {
    print!("{word}");
    0
}

struct Stay;

impl Drop for Stay {
    fn drop(&mut self) {
        std::thread::sleep(Duration::from_secs(600));
    }
}

thread_local! {
    static STAY: RefCell<Option<Stay>> = const { RefCell::new(None) };
}

/// Its thread, and so its worker, does not come to its own end from then on.
pub(crate) fn stay(_: ()) -> u32 {
    STAY.set(Some(Stay));
    std::process::id()
}

/// Panics while it unwinds, which is an abort.
pub(crate) fn panic_twice(_: ()) -> u32 {
    struct Again;
    impl Drop for Again {
        fn drop(&mut self) {
            panic!("again");
        }
    }
    let _again = Again;
    panic!("once")
}

/// Uses so many milliseconds of CPU time.
pub(crate) fn compute(ms: i64) -> u32 {
    let now = || {
        let used = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
        used.tv_sec * 1000 + used.tv_nsec / 1_000_000
    };
    let until = now() + ms;
    while now() < until {}
    0
}

/// How many buffers this process has mapped.
pub(crate) fn count_maps(_: ()) -> u64 {
    let maps = std::fs::read_to_string("/proc/self/maps").expect("the kernel tells");
    maps.lines().filter(|line| line.contains("memfd:offloop")).count() as u64
}

/// As the kernel prints the limit of that name.
pub(crate) fn limit(name: String) -> String {
    let limits = std::fs::read_to_string("/proc/self/limits").expect("the kernel tells");
    let limit = limits.lines().find_map(|line| line.strip_prefix(&name)).unwrap_or_default();
    limit.split_whitespace().take(2).collect::<Vec<_>>().join(" ")
}

fn die_at_first(file: &str) {
    if std::fs::metadata(file).is_err() {
        std::fs::write(file, "").expect("the file can be written");
        std::process::abort();
    }
}

pub(crate) fn die_once_and_sum((file, bytes): (String, Vec<u8>)) -> u64 {
    die_at_first(&file);
    bytes.iter().map(|byte| u64::from(*byte)).sum()
}

pub(crate) fn die_once_and_add((file, mut buffer): (String, SharedBuf)) -> SharedBuf {
    buffer.iter_mut().for_each(|byte| *byte += 1);
    die_at_first(&file);
    buffer
}

/// Gives a buffer away and keeps it.
pub(crate) fn keep_and_give(two: Two) -> Two {
    static KEPT: Mutex<Vec<Arc<SharedBuf>>> = Mutex::new(Vec::new());
    KEPT.lock().expect("nobody panics with it").push(two.0.clone());
    two
}

pub(crate) fn tell_at_length(cx: &Context, len: u64) -> u32 {
    cx.progress("x".repeat(usize::try_from(len).expect("a length")));
    0
}

pub(crate) fn pass_on(buffer: SharedBuf) -> SharedBuf {
    buffer
}

/// Has all of its pages resident.
pub(crate) fn touch(mut buffer: SharedBuf) -> SharedBuf {
    buffer.chunks_mut(4096).for_each(|page| page[0] = 1);
    buffer
}

static READY: AtomicBool = AtomicBool::new(false);

/// Whether what a worker does ahead of its first call was done.
pub(crate) fn is_ready(_: ()) -> bool {
    READY.load(Ordering::Relaxed)
}

/// Leaves its own group for that of its parent, and never returns.
pub(crate) fn change_the_group_and_spin(file: String) -> u32 {
    let theirs = rustix::process::getpgid(rustix::process::getppid()).expect("it lives");
    rustix::process::setpgid(None, Some(theirs)).expect("they are of one session");
    crate::functions::begin_and_spin(file)
}

pub(crate) fn measure(bytes: Vec<u8>) -> u64 {
    bytes.len() as u64
}

pub(crate) fn tell_a_buffer(cx: &Context, _: ()) -> u32 {
    cx.progress(SharedBuf::new(10).expect("memory"));
    0
}

/// Starts a process, in this one's group, and waits for its end, which does not come.
pub(crate) fn wait_for_a_child(file: String) -> u32 {
    let mut sleep = std::process::Command::new("sleep");
    let mut child = sleep.arg("600").spawn().expect("sleep is there");
    std::fs::write(file, child.id().to_string()).expect("the file can be written");
    child.wait().expect("it is its own");
    0
}

/// Starts a process, in a group of its own, that prints until its output is closed.
pub(crate) fn leave_a_printer(_: ()) -> u32 {
    use std::os::unix::process::CommandExt;
    let mut yes = std::process::Command::new("yes");
    let null = std::process::Stdio::null();
    yes.arg("y".repeat(1000)).process_group(0).stdin(null).spawn().expect("yes is there").id()
}

/// What is to be read from the standard input.
pub(crate) fn read_input(_: ()) -> u64 {
    std::io::copy(&mut std::io::stdin(), &mut std::io::sink()).expect("it can be read")
}

pub(crate) fn print_error(line: String) -> u32 {
    use std::io::Write;
    let mut out = std::fs::File::options().append(true).open("/proc/self/fd/2").expect("open");
    out.write_all(line.as_bytes()).expect("it can be printed");
    std::process::id()
}

pub(crate) fn add(functions: Functions) -> Functions {
    functions
        .add("leave a word", leave_a_word)
        .add("stay", stay)
        .add("panic twice", panic_twice)
        .add("compute", compute)
        .add("count maps", count_maps)
        .add("limit", limit)
        .add("die once and sum", die_once_and_sum)
        .add("die once and add", die_once_and_add)
        .add("touch", touch)
        .add("pass on", pass_on)
        .add("keep and give", keep_and_give)
        .add_with("tell at length", tell_at_length)
        .add("wait for a child", wait_for_a_child)
        .add("leave a printer", leave_a_printer)
        .add("read input", read_input)
        .add("print error", print_error)
        .worker_init(|| READY.store(true, Ordering::Relaxed))
        .add("measure", measure)
        .add("is ready", is_ready)
        .add("change the group and spin", change_the_group_and_spin)
        .add_with("tell a buffer", tell_a_buffer)
        .add_progress::<SharedBuf>()
        .add_progress::<(crate::values::Gate, ())>()
}
