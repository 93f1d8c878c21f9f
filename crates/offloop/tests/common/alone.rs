//! Tests that need a process of their own: they count its threads and descriptors, lower its
//! limits, or fork it. Invariant: the body runs in a child that runs this one test, and a child
//! that ran no test or hangs is a failure.

use std::env;
use std::io::Read;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use super::PATIENCE;

const CHILD: &str = "OFFLOOP_TEST_CHILD";

/// Runs `body` in a child process; `test` is the name of the calling test.
#[track_caller]
pub(crate) fn alone(test: &str, body: impl FnOnce()) {
    alone_for(test, 3 * PATIENCE, body);
}

/// The same with `limit` as the time that counts as a hang; what it prints is printed.
#[track_caller]
pub(crate) fn alone_for(test: &str, limit: Duration, body: impl FnOnce()) {
    if env::var_os(CHILD).is_some_and(|name| name == test) {
        return body();
    }
    let mut child = Command::new(env::current_exe().expect("the test program has a path"))
        .args(["--exact", test, "--nocapture", "--test-threads=1"])
        .env(CHILD, test)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the test program can be started again");
    let (stdout, stderr) = (Output::of(child.stdout.take()), Output::of(child.stderr.take()));
    let until = Instant::now() + limit;
    let status = loop {
        if let Some(status) = child.try_wait().expect("the child can be waited for") {
            break Some(status);
        }
        if Instant::now() >= until {
            child.kill().expect("the child can be ended");
            child.wait().expect("the child can be waited for");
            break None;
        }
        thread::sleep(Duration::from_millis(2));
    };
    let until = Instant::now() + PATIENCE;
    let ((stdout, one), (stderr, other)) = (stdout.end(until), stderr.end(until));
    let passed = status.is_some_and(|status| status.success()) && stdout.contains("1 passed");
    assert!(passed, "alone, `{test}` ended with {status:?}:\n{stdout}\n{stderr}");
    assert!(one && other, "`{test}` left a process that holds its output:\n{stdout}\n{stderr}");
    print!("{stdout}");
}

/// What the child prints, read while it does.
struct Output {
    bytes: Arc<Mutex<Vec<u8>>>,
    reader: JoinHandle<()>,
}

impl Output {
    fn of(stream: Option<impl Read + Send + 'static>) -> Self {
        let bytes = Arc::new(Mutex::new(Vec::new()));
        let kept = bytes.clone();
        let reader = thread::spawn(move || {
            let (mut stream, mut part) = (stream.expect("it is piped"), [0; 4096]);
            // What came before an error is shown all the same.
            while let Ok(len @ 1..) = stream.read(&mut part) {
                kept.lock().unwrap().extend_from_slice(&part[..len]);
            }
        });
        Self { bytes, reader }
    }

    /// What came, and whether that is all: a process that the child left may hold the stream open
    /// for ever.
    fn end(self, until: Instant) -> (String, bool) {
        while !self.reader.is_finished() && Instant::now() < until {
            thread::sleep(Duration::from_millis(2));
        }
        let text = String::from_utf8_lossy(&self.bytes.lock().unwrap()).into_owned();
        (text, self.reader.is_finished())
    }
}

/// The exit status of a fork of this process. One that hangs is ended, because it holds the output
/// that [`alone`] reads.
#[cfg(unix)]
#[track_caller]
pub(crate) fn status_of_fork(child: i32) -> Option<i32> {
    use rustix::process::{Pid, Signal, WaitOptions, kill_process, waitpid};
    let child = Pid::from_raw(child).expect("a child has an id");
    let until = Instant::now() + PATIENCE;
    while Instant::now() < until {
        if let Some((_, status)) = waitpid(Some(child), WaitOptions::NOHANG).expect("it is ours") {
            return status.exit_status();
        }
        thread::sleep(Duration::from_millis(1));
    }
    kill_process(child, Signal::KILL).expect("it is ours");
    panic!("the forked child did not end");
}

/// Leaves this process few descriptors to open, where the system would give it millions.
#[cfg(target_os = "linux")]
pub(crate) fn allow_few_descriptors() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let few = Rlimit { current: Some(200), ..getrlimit(Resource::Nofile) };
    setrlimit(Resource::Nofile, few).expect("a soft limit can be lowered");
}

/// The names of offloop's threads in this process, as the kernel knows them.
#[cfg(target_os = "linux")]
pub(crate) fn offloop_threads() -> Vec<String> {
    let tasks = std::fs::read_dir("/proc/self/task").expect("the kernel lists the threads");
    tasks
        .filter_map(|task| std::fs::read_to_string(task.ok()?.path().join("comm")).ok())
        .map(|name| name.trim().to_owned())
        .filter(|name| name.starts_with("offloop"))
        .collect()
}

/// How many of offloop's threads have a name that begins with `prefix`.
#[cfg(target_os = "linux")]
pub(crate) fn count_threads(prefix: &str) -> usize {
    offloop_threads().iter().filter(|name| name.starts_with(prefix)).count()
}

/// Waits until so many have one: the kernel unlists a thread a moment after it was joined.
#[cfg(target_os = "linux")]
#[track_caller]
pub(crate) fn wait_for_threads(prefix: &str, count: usize) {
    super::wait_for("the threads are as many", || count_threads(prefix) == count);
}

/// The open descriptors of this process, without the one that lists them.
#[cfg(target_os = "linux")]
pub(crate) fn descriptors() -> Vec<String> {
    let listed = std::fs::read_dir("/proc/self/fd").expect("the kernel lists the descriptors");
    let targets = listed.filter_map(|entry| std::fs::read_link(entry.ok()?.path()).ok());
    let targets = targets.map(|target| target.to_string_lossy().into_owned());
    targets.filter(|target| !target.ends_with("/fd")).collect()
}
