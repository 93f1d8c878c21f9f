//! What the workers of these tests can do, and offloops that have them. Invariant: each function
//! does what its name says, and nothing else.

use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, LazyLock, OnceLock};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use offloop::{Context, Functions, Processes, SharedBuf};

use crate::common::{TestLoop, wait_for};
pub(crate) use crate::values::{Bomb, Bookkept, How, Stubborn, Two};

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

/// Says that it has begun, by a file of that name, and never returns.
pub(crate) fn begin_and_spin(file: String) -> u32 {
    std::fs::write(file, std::process::id().to_string()).expect("the file can be written");
    spin(())
}

/// Says that it has begun, by the first file, and returns when the second one is there.
pub(crate) fn begin_and_wait((begun, open): (String, String)) -> u32 {
    std::fs::write(begun, "").expect("the file can be written");
    while std::fs::metadata(&open).is_err() {
        std::thread::sleep(Duration::from_millis(1));
    }
    0
}

/// Writes a line to the end of the file.
pub(crate) fn append((file, n): (String, u32)) -> u32 {
    use std::io::Write;
    let file = std::fs::File::options().create(true).append(true).open(file);
    file.expect("it can be opened").write_all(format!("{n}\n").as_bytes()).expect("it has room");
    n
}

/// The first run ends its worker, the next one finds that there was one.
pub(crate) fn die_once(file: String) -> u32 {
    if std::fs::metadata(&file).is_err() {
        std::fs::write(&file, "").expect("the file can be written");
        std::process::abort();
    }
    7
}

pub(crate) fn take_bookkept(_: Bookkept) -> u32 {
    1
}

pub(crate) fn begin_bookkept((_, file): (Bookkept, String)) -> u32 {
    begin_and_spin(file)
}

pub(crate) fn take_stubborn(_: Stubborn) -> u32 {
    1
}

pub(crate) fn give_stubborn(how: How) -> Stubborn {
    Stubborn(how)
}

pub(crate) fn give_bomb(parent: u32) -> Bomb {
    Bomb(parent)
}

pub(crate) fn zeroes(count: u64) -> Vec<u8> {
    vec![0; usize::try_from(count).expect("a length")]
}

/// Allocates until that fails.
pub(crate) fn devour(_: ()) -> u32 {
    let mut all: Vec<Vec<u8>> = Vec::new();
    loop {
        all.push(vec![1; 1 << 20]);
    }
}

/// Keeps so many bytes for ever; says in which process.
pub(crate) fn grow(bytes: u64) -> u32 {
    let kept = vec![1u8; usize::try_from(bytes).expect("a length")];
    std::mem::forget(kept);
    std::process::id()
}

/// How many bytes can be had at once.
pub(crate) fn try_reserve(bytes: u64) -> bool {
    Vec::<u8>::new().try_reserve(usize::try_from(bytes).expect("a length")).is_ok()
}

/// A copy of this worker's socket, where its entry has made one.
pub(crate) static SOCKET: OnceLock<OwnedFd> = OnceLock::new();

/// Starts a process that outlives it, in a group of its own, with this one's socket as its input.
pub(crate) fn leave_a_child_and_die(file: String) -> u32 {
    use std::os::unix::process::CommandExt;
    let copy = SOCKET.get().expect("it was made").try_clone().expect("another one");
    let mut child = std::process::Command::new("sleep");
    let child = child.arg("600").stdin(copy).process_group(0).spawn().expect("sleep is there");
    std::fs::write(file, child.id().to_string()).expect("the file can be written");
    std::process::abort()
}

/// `is_cancelled` became true before the file appeared.
pub(crate) fn wait_for_cancel(cx: &Context, file: String) -> u32 {
    std::fs::write(file, "").expect("the file can be written");
    while !cx.is_cancelled() {
        std::thread::sleep(Duration::from_millis(1));
    }
    17
}

pub(crate) fn has_deadline(cx: &Context, _: ()) -> bool {
    cx.deadline().is_some()
}

pub(crate) fn tell_duration(cx: &Context, _: ()) -> u32 {
    cx.progress(Duration::from_secs(1));
    0
}

pub(crate) fn tell_unregistered(cx: &Context, _: ()) -> u32 {
    cx.progress([1u8; 3]);
    0
}

/// The numbers of the open descriptors, and the masks of its signals as the kernel prints them.
pub(crate) fn inherited(_: ()) -> (Vec<u32>, String) {
    let fds = std::fs::read_dir("/proc/self/fd").expect("the kernel lists them");
    let fds = fds.map(|fd| fd.expect("a name").file_name().into_string().expect("digits"));
    let mut fds: Vec<u32> = fds.map(|fd| fd.parse().expect("a number")).collect();
    // The last one is the list itself.
    fds.sort_unstable();
    fds.pop();
    let status = std::fs::read_to_string("/proc/thread-self/status").expect("the kernel tells");
    let masks = status.lines().filter(|line| line.starts_with("Sig"));
    (fds, masks.collect::<Vec<_>>().join("\n"))
}

pub(crate) fn add_one(mut bytes: SharedBuf) -> SharedBuf {
    bytes.iter_mut().for_each(|byte| *byte += 1);
    bytes
}

pub(crate) fn lower_first(mut text: String) -> String {
    text[..1].make_ascii_lowercase();
    text
}

/// Touches each page once.
pub(crate) fn mark_pages(mut bytes: SharedBuf) -> SharedBuf {
    bytes.iter_mut().step_by(4096).for_each(|byte| *byte += 1);
    bytes
}

pub(crate) fn fresh_buffer(len: u64) -> SharedBuf {
    let mut buffer = SharedBuf::new(usize::try_from(len).expect("a length")).expect("memory");
    buffer.fill(9);
    buffer
}

pub(crate) fn concat(parts: Vec<SharedBuf>) -> SharedBuf {
    let bytes: Vec<u8> = parts.iter().flat_map(|part| part.iter().copied()).collect();
    let mut all = SharedBuf::new(bytes.len()).expect("memory");
    all.copy_from_slice(&bytes);
    all
}

pub(crate) fn give_two(came: SharedBuf) -> (SharedBuf, SharedBuf) {
    let mut made = SharedBuf::new(4).expect("memory");
    made.copy_from_slice(b"made");
    (came, made)
}

pub(crate) fn sum_buffer(bytes: SharedBuf) -> u64 {
    bytes.iter().map(|byte| u64::from(*byte)).sum()
}

pub(crate) fn same_buffer_twice(two: Two) -> SharedBuf {
    Arc::into_inner(two.0).expect("the only one")
}

pub(crate) fn print(line: String) -> u32 {
    use std::io::Write;
    // Past the test harness, which catches what `print` writes.
    let mut out = std::fs::File::options().append(true).open("/proc/self/fd/1").expect("open");
    out.write_all(line.as_bytes()).expect("it can be printed");
    0
}

pub(crate) fn functions() -> Functions {
    crate::tricks::add(crate::chaos::add_to(Functions::new()))
        .add("double", double)
        .add("process id", process_id)
        .add("burst", burst)
        .add("abort", abort)
        .add("exit", exit)
        .add("spin", spin)
        .add("begin and wait", begin_and_wait)
        .add("append", append)
        .add("sleep", sleep)
        .add("reverse", reverse)
        .add_with("count up", count_up)
        .add("begin and spin", begin_and_spin)
        .add("die once", die_once)
        .add("take stubborn", take_stubborn)
        .add("give stubborn", give_stubborn)
        .add("give bomb", give_bomb)
        .add("take bookkept", take_bookkept)
        .add("begin bookkept", begin_bookkept)
        .add("zeroes", zeroes)
        .add("devour", devour)
        .add("grow", grow)
        .add("try reserve", try_reserve)
        .add("leave a child and die", leave_a_child_and_die)
        .add_with("wait for cancel", wait_for_cancel)
        .add_with("has deadline", has_deadline)
        .add_with("tell duration", tell_duration)
        .add_with("tell unregistered", tell_unregistered)
        .add_progress::<Duration>()
        .add("add one", add_one)
        .add("lower first", lower_first)
        .add("mark pages", mark_pages)
        .add("fresh buffer", fresh_buffer)
        .add("concat", concat)
        .add("give two", give_two)
        .add("sum buffer", sum_buffer)
        .add("same buffer twice", same_buffer_twice)
        .add("inherited", inherited)
        .add("print", print)
}

/// Workers that are this program.
pub(crate) fn processes() -> Processes {
    workers_from("worker_entry")
}

/// The same, which begin with that test.
pub(crate) fn workers_from(entry: &str) -> Processes {
    let program = std::env::current_exe().expect("the test program has a path");
    let worker = Processes::new(functions()).program(program).on_output(|_| {});
    ["--exact", entry, "--nocapture", "--quiet", "--test-threads=1"]
        .into_iter()
        .fold(worker, Processes::arg)
}

/// A file name that nobody else has, and no file.
pub(crate) struct Mark(PathBuf);

impl Mark {
    pub(crate) fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        // A process of the same number may have left its files.
        static BEGUN: LazyLock<SystemTime> = LazyLock::new(SystemTime::now);
        let next = NEXT.fetch_add(1, Ordering::Relaxed);
        let begun = BEGUN.duration_since(UNIX_EPOCH).expect("a clock that is set").as_nanos();
        let name = format!("offloop-test-{}-{begun}-{next}", std::process::id());
        Self(std::env::temp_dir().join(name))
    }

    pub(crate) fn name(&self) -> String {
        self.0.to_str().expect("a name in plain letters").to_owned()
    }

    /// Waits until the file is there, with something in it.
    pub(crate) fn wait(&self) -> String {
        let mut text = String::new();
        wait_for("a function says that it has begun", || {
            text = std::fs::read_to_string(&self.0).unwrap_or_default();
            self.0.exists()
        });
        text
    }
}

impl Drop for Mark {
    fn drop(&mut self) {
        let _never_made = std::fs::remove_file(&self.0);
    }
}

pub(crate) fn looped<S: 'static>(processes: Processes) -> TestLoop<S> {
    TestLoop::with(|builder| builder.processes(processes))
}
