//! Runs `offloop tour` and gathers what it says.

use std::ffi::OsStr;
use std::path::Path;
use std::process::{Command, Stdio};
#[cfg(unix)]
use std::{
    io::{BufRead, BufReader, Read},
    process::Child,
    thread::{self, JoinHandle},
};

/// What a finished tour left.
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: Vec<u8>,
    pub(crate) stderr: String,
}

impl Ended {
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.stdout)
            .unwrap_or_else(|error| panic!("no JSON ({error}); stderr: {}", self.stderr))
    }

    pub(crate) fn page(&self) -> String {
        String::from_utf8(self.stdout.clone()).unwrap()
    }

    /// Panics unless one line of standard error holds all the words.
    #[cfg(unix)]
    #[track_caller]
    pub(crate) fn assert_says(&self, words: &[&str]) {
        let has_all = |line: &str| words.iter().all(|word| line.contains(word));
        assert!(self.stderr.lines().any(has_all), "no line with {words:?} in:\n{}", self.stderr);
    }
}

/// The models that this system has, in the order of the page.
pub(crate) const MODELS: &[&str] = match cfg!(target_os = "linux") {
    true => &["inline", "threads", "cores", "async", "process"],
    false => &["inline", "threads", "cores", "async"],
};

/// `offloop tour` in `folder`, with no arguments yet.
pub(crate) fn command(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_offloop"));
    command.arg("tour").current_dir(folder).stdin(Stdio::null());
    command
}

/// Runs a tour to its end.
pub(crate) fn tour<S: AsRef<OsStr>>(folder: &Path, args: &[S]) -> Ended {
    finish(command(folder).args(args))
}

pub(crate) fn finish(command: &mut Command) -> Ended {
    let output = command.output().unwrap();
    Ended {
        code: output.status.code(),
        stdout: output.stdout,
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

/// A tour at work, whose service has an address.
#[cfg(unix)]
pub(crate) struct Running {
    pub(crate) child: Child,
    pub(crate) address: String,
    stderr: JoinHandle<String>,
}

#[cfg(unix)]
impl Running {
    /// Starts it and reads standard error up to the line with the address.
    pub(crate) fn start(command: &mut Command) -> Running {
        let command = command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap());
        let mut said = String::new();
        let address = loop {
            let mut line = String::new();
            assert_ne!(lines.read_line(&mut line).unwrap(), 0, "no address in: {said}");
            said.push_str(&line);
            if let Some((_, rest)) = line.split_once("service at ") {
                break rest.split(": ").next().unwrap().to_owned();
            }
        };
        let stderr = thread::spawn(move || {
            // Bytes after the end of a line belong to the next: nothing is lost.
            lines.read_to_string(&mut said).unwrap();
            said
        });
        Running { child, address, stderr }
    }

    pub(crate) fn signal(&self, signal: rustix::process::Signal) {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, signal).unwrap();
    }

    pub(crate) fn end(mut self) -> Ended {
        let mut stdout = Vec::new();
        self.child.stdout.take().unwrap().read_to_end(&mut stdout).unwrap();
        Ended {
            code: self.child.wait().unwrap().code(),
            stdout,
            stderr: self.stderr.join().unwrap(),
        }
    }
}

/// A file of zeros that takes no room on the disk.
pub(crate) fn sparse(path: &Path, bytes: u64) {
    std::fs::File::create(path).unwrap().set_len(bytes).unwrap();
}
