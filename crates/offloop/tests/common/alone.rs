//! Tests that need a process of their own: they count its threads and descriptors, lower its
//! limits, or fork it. Invariant: the body runs in a child that runs this one test, and a child
//! that ran no test or hangs is a failure.

use std::env;
use std::io::Read;
use std::process::{Command, Stdio};
use std::thread;
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
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    let stdout = thread::spawn(move || read(stdout));
    let stderr = thread::spawn(move || read(stderr));
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
    let (stdout, stderr) = (stdout.join().unwrap(), stderr.join().unwrap());
    let passed = status.is_some_and(|status| status.success()) && stdout.contains("1 passed");
    assert!(passed, "alone, `{test}` ended with {status:?}:\n{stdout}\n{stderr}");
    print!("{stdout}");
}

fn read(stream: Option<impl Read>) -> String {
    let mut bytes = Vec::new();
    if let Some(mut stream) = stream {
        // What came before an error is shown all the same.
        let _cut_short = stream.read_to_end(&mut bytes);
    }
    String::from_utf8_lossy(&bytes).into_owned()
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

/// The open descriptors of this process, without the one that lists them.
#[cfg(target_os = "linux")]
pub(crate) fn descriptors() -> Vec<String> {
    let listed = std::fs::read_dir("/proc/self/fd").expect("the kernel lists the descriptors");
    let targets = listed.filter_map(|entry| std::fs::read_link(entry.ok()?.path()).ok());
    let targets = targets.map(|target| target.to_string_lossy().into_owned());
    targets.filter(|target| !target.ends_with("/fd")).collect()
}
