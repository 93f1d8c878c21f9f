//! A worker process, as its parent sees it.
//!
//! Invariant: a peer is in the rack, or one attendant has it, or nobody does any more and it only
//! waits to be reaped.

use std::ffi::OsString;
use std::io::{self, IoSlice};
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use super::leash::Leash;
use super::options::Config;
use super::output::Output;
use super::wire::{BEGUN, Header, Kind, Layout, MESSAGE_MAX, PANICKED, Terms, UNWANTED, VERSION};
use crate::execute::threads::lock;
use crate::failure::Exit;
use crate::sys::process::{Arena, Child, Socket, Start, wait_any};

pub(super) struct Peer {
    pub(super) socket: Socket,
    pub(super) child: Child,
    pub(super) arena: Arena,
    pub(super) layout: Layout,
    pub(super) leash: Leash,
    /// It is not in the rack's books: not yet, or not any more. Changed under their lock.
    pub(super) gone: AtomicBool,
    /// Calls that it has answered.
    pub(super) served: AtomicU64,
    /// When it is killed, if it was asked to leave and does not.
    leave_until: Mutex<Option<Instant>>,
    memory_limited: bool,
}

/// How long a worker may take to leave by itself.
pub(super) const LEAVE_MAX: Duration = Duration::from_secs(1);

/// What came from a worker.
pub(super) enum Heard {
    /// A message of this length is in the buffer.
    Message(usize),
    /// No message comes any more.
    End,
}

impl Peer {
    /// Starts a process and tells it its terms; it answers `Ready` when it is up.
    pub(super) fn start(config: &Config, digest: u64, output: Option<&Output>) -> io::Result<Self> {
        let layout = Layout::new(config.max_payload).ok_or(io::ErrorKind::InvalidInput)?;
        let (socket, theirs) = Socket::pair()?;
        if socket.capacity()? < MESSAGE_MAX {
            let text = "the system's socket buffers are smaller than one message";
            return Err(io::Error::other(text));
        }
        let (arena, memory) = Arena::create(layout.len())?;
        let start = Start {
            program: config.program.as_deref(),
            title: &title(),
            args: &config.args,
            version: VERSION,
            piped: output.is_some(),
        };
        let (child, piped) = Child::start(&start, theirs)?;
        if let (Some(output), Some(piped)) = (output, piped) {
            output.add(child.id(), piped);
        }
        let this = Self::new(socket, child, arena, layout, config.memory_limit.is_some());
        this.greet(config, digest, &memory);
        Ok(this)
    }

    /// Tells the process its terms.
    pub(super) fn greet(&self, config: &Config, digest: u64, memory: &OwnedFd) {
        let terms = Terms {
            version: VERSION,
            digest,
            max_payload: config.max_payload as u64,
            memory_limit: config.memory_limit.unwrap_or(0),
            cpu_limit: config.cpu_limit.map_or(0, |limit| limit.as_secs().max(1)),
        };
        let mut header = Header::bare(Kind::Hello, 0);
        header.len = Terms::LEN as u64;
        let parts = [header.to_bytes().to_vec(), terms.to_bytes().to_vec()].concat();
        // A process that has ended by now is found out by listening to it.
        let _unheard = self.socket.send(&[IoSlice::new(&parts)], &[memory.as_fd()], false);
    }

    pub(super) fn new(
        socket: Socket,
        child: Child,
        arena: Arena,
        layout: Layout,
        memory_limited: bool,
    ) -> Self {
        Self {
            socket,
            child,
            arena,
            layout,
            leash: Leash::new(),
            gone: AtomicBool::new(true),
            served: AtomicU64::new(0),
            leave_until: Mutex::new(None),
            memory_limited,
        }
    }

    /// It has done enough, and is asked to leave.
    pub(super) fn retire(&self) {
        *lock(&self.leave_until) = Some(Instant::now() + LEAVE_MAX);
    }

    pub(super) fn leave_until(&self) -> Option<Instant> {
        *lock(&self.leave_until)
    }

    /// Kills the process, and wakes whoever waits for it.
    pub(super) fn end(&self) {
        *lock(&self.leave_until) = None;
        self.child.kill();
        self.socket.shut();
    }

    /// Waits for the next message, or for the process's end behind all that it has sent. Descriptors
    /// that come along are put into `fds`.
    pub(super) fn hear(
        &self,
        buffer: &mut Vec<u8>,
        fds: &mut Vec<OwnedFd>,
        until: Option<Instant>,
    ) -> io::Result<Heard> {
        buffer.resize(MESSAGE_MAX, 0);
        loop {
            let waited = wait_any(&[self.socket.as_fd(), self.child.as_fd()], until)?;
            match self.socket.receive(buffer, fds, false) {
                Ok(0) => return Ok(Heard::End),
                Ok(len) => return Ok(Heard::Message(len)),
                Err(error) if error.kind() != io::ErrorKind::WouldBlock => return Err(error),
                // It has ended, and what it had sent is read. A grandchild may hold the socket open.
                Err(_) if waited[1] => return Ok(Heard::End),
                Err(_) if !waited[0] => return Err(io::ErrorKind::TimedOut.into()),
                Err(_) => {}
            }
        }
    }

    /// How it ended; one that only closed its socket is killed first.
    pub(super) fn wait_end(&self) -> Exit {
        loop {
            if let Some(exit) = self.child.reap() {
                return exit;
            }
            self.child.kill();
            if wait_any(&[self.child.as_fd()], None).is_err() {
                return Exit::Unknown;
            }
        }
    }

    /// Whether the function of this call was entered, so that it must not run again.
    pub(super) fn has_begun(&self, number: u64) -> bool {
        self.arena.word(BEGUN).load(Ordering::Acquire) == number
    }

    /// An end as a call is told it. A worker with a limit on its memory that aborts without a panic
    /// has met the limit: that is what Rust does when an allocation fails.
    pub(super) fn how(&self, exit: Exit) -> Exit {
        let panicked = self.arena.word(PANICKED).load(Ordering::Acquire) != 0;
        match exit {
            Exit::Signal(libc::SIGABRT) if self.memory_limited && !panicked => Exit::MemoryLimit,
            exit => exit,
        }
    }

    /// Tells the function that nobody wants its result.
    pub(super) fn say_unwanted(&self, number: u64) {
        self.arena.word(UNWANTED).store(number, Ordering::Release);
    }
}

/// As `ps` shows a worker: with the name of the program that it belongs to.
fn title() -> OsString {
    let mut title = OsString::from("offloop-worker");
    let program = std::env::args_os().next();
    if let Some(name) = program.as_deref().and_then(|path| std::path::Path::new(path).file_name()) {
        title.push(" of ");
        title.push(name);
    }
    title
}
