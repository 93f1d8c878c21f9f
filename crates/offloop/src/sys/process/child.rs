//! A child process, watched by a descriptor.
//!
//! Invariant: it is reaped once, by its own descriptor, whoever looks first; a host that reaps
//! children itself costs the exit status and nothing else.

use std::ffi::{OsStr, OsString};
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::{Mutex, PoisonError};

use rustix::process::{
    Pid, PidfdFlags, Signal, WaitId, WaitIdOptions, kill_process_group, pidfd_open,
    pidfd_send_signal, waitid,
};

use super::WORKER_KEY;
use crate::failure::Exit;

/// What to start.
pub(crate) struct Start<'a> {
    /// `None`: this program again, whatever became of its file.
    pub(crate) program: Option<&'a Path>,
    /// As `ps` shows it.
    pub(crate) title: &'a OsStr,
    pub(crate) args: &'a [OsString],
    pub(crate) version: u64,
    /// Whether its output comes back by pipes, instead of going where this program's goes.
    pub(crate) piped: bool,
}

/// The near ends of a child's output.
pub(crate) struct Piped {
    pub(crate) stdout: OwnedFd,
    pub(crate) stderr: OwnedFd,
}

/// Reads what is there; waits while nothing is.
pub(crate) fn read(pipe: &OwnedFd, buffer: &mut [u8]) -> io::Result<usize> {
    Ok(rustix::io::read(pipe, buffer)?)
}

pub(crate) struct Child {
    pidfd: OwnedFd,
    pid: Pid,
    exit: Mutex<Option<Exit>>,
}

impl Child {
    /// Starts a process that leads a group of its own, with `stdin` as its descriptor 0. Nothing runs
    /// between the two halves of the start, so std spawns it without a copy of this process's memory.
    pub(crate) fn start(start: &Start<'_>, stdin: OwnedFd) -> io::Result<(Self, Option<Piped>)> {
        let program = start.program.unwrap_or(Path::new("/proc/self/exe"));
        let mut command = Command::new(program);
        command.arg0(start.title).args(start.args).process_group(0).stdin(stdin);
        command.env(WORKER_KEY, start.version.to_string());
        if start.piped {
            command.stdout(Stdio::piped()).stderr(Stdio::piped());
        }
        let mut child = command.spawn()?;
        let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
        let pid = pid.ok_or(io::ErrorKind::Other)?;
        let pidfd = pidfd_open(pid, PidfdFlags::empty()).inspect_err(|_| {
            // No descriptor is to be had for it: end it by its number, which is still its own.
            let _ended = child.kill();
            let _reaped = child.wait();
        })?;
        let this = Self { pidfd, pid, exit: Mutex::new(None) };
        let piped = match (child.stdout.take(), child.stderr.take()) {
            (Some(stdout), Some(stderr)) => {
                Some(Piped { stdout: OwnedFd::from(stdout), stderr: OwnedFd::from(stderr) })
            }
            _ => None,
        };
        Ok((this, piped))
    }

    /// Kills it and what it has started in its group. It is gone when its descriptor says so.
    pub(crate) fn kill(&self) {
        let exit = self.exit.lock().unwrap_or_else(PoisonError::into_inner);
        if exit.is_none() {
            // First: where the system or the host reaps it, its group is not to be had behind its end.
            self.kill_group();
            // It fails when the process has ended, and then there is nothing to kill.
            let _ended_already = pidfd_send_signal(&self.pidfd, Signal::KILL);
        }
    }

    /// While nobody has reaped the process, its number is its own, and so is its group's.
    fn kill_group(&self) {
        let look = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
        if waitid(WaitId::PidFd(self.pidfd.as_fd()), look).is_ok() {
            let _empty = kill_process_group(self.pid, Signal::KILL);
        }
    }

    /// How it ended, if it did; never waits. Ends what it left in its group.
    pub(crate) fn reap(&self) -> Option<Exit> {
        let mut exit = self.exit.lock().unwrap_or_else(PoisonError::into_inner);
        if exit.is_some() {
            return *exit;
        }
        let pidfd = WaitId::PidFd(self.pidfd.as_fd());
        let look = WaitIdOptions::EXITED | WaitIdOptions::NOHANG;
        match waitid(pidfd.clone(), look | WaitIdOptions::NOWAIT) {
            Ok(None) => return None,
            Ok(Some(_)) => self.kill_group(),
            // Somebody else has reaped it, or the system did.
            Err(_) if self.has_ended() => *exit = Some(Exit::Unknown),
            Err(_) => return None,
        }
        if exit.is_none() {
            *exit = Some(match waitid(pidfd, look) {
                Ok(Some(status)) => match (status.terminating_signal(), status.exit_status()) {
                    (Some(signal), _) => Exit::Signal(signal),
                    (None, Some(code)) => Exit::Code(code),
                    (None, None) => Exit::Unknown,
                },
                _ => Exit::Unknown,
            });
        }
        *exit
    }

    /// How much private memory it has in use; `None` once it has ended.
    pub(crate) fn resident_bytes(&self) -> Option<u64> {
        let statm = std::fs::read_to_string(format!("/proc/{}/statm", self.id())).ok()?;
        let mut pages = statm.split(' ').skip(1).map(|number| number.parse::<u64>().ok());
        // The second counts what is shared.
        let (resident, shared) = (pages.next()??, pages.next()??);
        Some(resident.saturating_sub(shared) * rustix::param::page_size() as u64)
    }

    pub(crate) fn id(&self) -> u32 {
        self.pid.as_raw_pid().unsigned_abs()
    }

    /// Whether the descriptor says that it has ended.
    fn has_ended(&self) -> bool {
        is_readable(&self.pidfd)
    }
}

#[cfg(fuzzing)]
impl Child {
    /// In place of a process: it has ended when `end` is readable. What is no process's descriptor can
    /// be neither killed nor reaped, so nobody is.
    pub(crate) fn stand_in(end: OwnedFd) -> Self {
        Self { pidfd: end, pid: rustix::process::getpid(), exit: Mutex::new(None) }
    }
}

/// Which a process's descriptor is from its end on.
fn is_readable(pidfd: &OwnedFd) -> bool {
    let now = std::time::Instant::now();
    super::wait_any(&[pidfd.as_fd()], Some(now)).is_ok_and(|ended| ended[0])
}

impl AsFd for Child {
    /// Readable from its end on.
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.pidfd.as_fd()
    }
}
