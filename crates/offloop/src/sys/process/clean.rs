//! What a worker does first: it makes of what it inherited what it is meant to have.
//!
//! Invariant: afterwards descriptors 0, 1 and 2 are what a program expects, its socket and its
//! memory are the only others that it inherited, no signal is blocked, and it dies with its parent.

use std::ffi::CStr;
use std::fs::File;
use std::io;
use std::os::fd::{BorrowedFd, FromRawFd, OwnedFd, RawFd};

use rustix::io::{FdFlags, fcntl_dupfd_cloexec, fcntl_getfd};
use rustix::net::SocketType;
use rustix::process::{Resource, Rlimit, Signal, getrlimit, setrlimit};

use super::{Socket, WORKER_KEY};

/// Whether this process was started as a worker: the mark is inherited by what a worker starts, its
/// descriptor 0 is not.
pub(crate) fn is_worker() -> bool {
    let kind = || rustix::net::sockopt::socket_type(rustix::stdio::stdin());
    std::env::var_os(WORKER_KEY).is_some() && kind().is_ok_and(|kind| kind == SocketType::SEQPACKET)
}

/// The worker's end of its socket, in a process that has been made clean.
pub(crate) struct Clean {
    pub(crate) socket: Socket,
}

impl Clean {
    /// Before anything else runs in this process.
    pub(crate) fn make() -> io::Result<Self> {
        unblock_signals()?;
        close_leaks()?;
        let socket = fcntl_dupfd_cloexec(rustix::stdio::stdin(), 3)?;
        rustix::stdio::dup2_stdin(File::open("/dev/null")?)?;
        // By now a signal at the parent's end finds this process; a parent that has gone before has
        // closed its end of the socket.
        rustix::process::set_parent_process_death_signal(Some(Signal::KILL))?;
        let socket = Socket::from_fd(socket);
        if socket.is_orphaned() {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        keep_freed_memory();
        // As tools show it; a name that can't be set is a name less.
        let _unnamed = rustix::thread::set_name(NAME);
        Ok(Self { socket })
    }
}

const NAME: &CStr = c"offloop-worker";

/// So much freed memory is kept for the next call.
#[cfg(target_env = "gnu")]
const KEPT_BYTES: libc::c_int = 256 << 20;

/// A worker has the next large argument when it has freed the last one, and fresh memory costs several
/// times what a copy does; so the system's allocator is told to keep it. Another allocator does as it
/// likes.
fn keep_freed_memory() {
    #[cfg(target_env = "gnu")]
    // SAFETY: the two parameters concern where the allocator takes memory from, and nothing that was
    // allocated; it fails by doing nothing.
    unsafe {
        libc::mallopt(libc::M_MMAP_MAX, 0);
        libc::mallopt(libc::M_TRIM_THRESHOLD, KEPT_BYTES);
    }
}

/// Signals that the parent blocked, or ignored, are as in a new program. `SIGPIPE` stays as Rust's
/// start-up code has left it.
fn unblock_signals() -> io::Result<()> {
    let mut none = std::mem::MaybeUninit::<libc::sigset_t>::uninit();
    // SAFETY: `sigemptyset` fills the set that it is given, and `pthread_sigmask` reads it; this
    // thread's mask is nobody else's business.
    let failed = unsafe {
        libc::sigemptyset(none.as_mut_ptr());
        libc::pthread_sigmask(libc::SIG_SETMASK, none.as_ptr(), std::ptr::null_mut())
    };
    if failed != 0 {
        return Err(io::Error::from_raw_os_error(failed));
    }
    let caught = (1..=64).filter(|&signal| signal != libc::SIGPIPE);
    for signal in caught {
        let mut now = std::mem::MaybeUninit::<libc::sigaction>::zeroed();
        // SAFETY: with no new action `sigaction` only writes the present one; all zeroes is a valid
        // value of it, should the signal not exist.
        let known = unsafe { libc::sigaction(signal, std::ptr::null(), now.as_mut_ptr()) } == 0;
        // SAFETY: as above.
        let ignored = known && unsafe { now.assume_init() }.sa_sigaction == libc::SIG_IGN;
        if ignored {
            // SAFETY: the default action runs no code of this program.
            unsafe { libc::signal(signal, libc::SIG_DFL) };
        }
    }
    Ok(())
}

/// Descriptors that somebody opened without `CLOEXEC` have come through the `exec`.
fn close_leaks() -> io::Result<()> {
    let mut leaks: Vec<RawFd> = Vec::new();
    for entry in std::fs::read_dir("/proc/self/fd")? {
        let name = entry?.file_name();
        let Some(fd) = name.to_str().and_then(|name| name.parse::<RawFd>().ok()) else { continue };
        if fd < 3 {
            continue;
        }
        // SAFETY: the kernel lists it as open, and nobody else runs in this process yet; it is
        // borrowed for one look.
        let flags = fcntl_getfd(unsafe { BorrowedFd::borrow_raw(fd) });
        if flags.is_ok_and(|flags| !flags.contains(FdFlags::CLOEXEC)) {
            leaks.push(fd);
        }
    }
    for fd in leaks {
        // SAFETY: what this program opens itself closes on exec, so this one came from the parent,
        // and no owner of it exists here.
        drop(unsafe { OwnedFd::from_raw_fd(fd) });
    }
    Ok(())
}

/// What a worker may use.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Limits {
    /// Bytes of private memory.
    pub(crate) memory: Option<u64>,
}

impl Limits {
    /// Sets them for this process.
    pub(crate) fn set(&self) -> io::Result<()> {
        // The memory image of a worker that is killed for its size helps nobody, and delays its end.
        let maximum = getrlimit(Resource::Core).maximum;
        setrlimit(Resource::Core, Rlimit { current: Some(0), maximum })?;
        if let Some(bytes) = self.memory {
            // Data, not address space: shared payloads and thread stacks' reserves do not count.
            let bytes = at_most(bytes, getrlimit(Resource::Data).maximum);
            setrlimit(Resource::Data, Rlimit { current: Some(bytes), maximum: Some(bytes) })?;
        }
        Ok(())
    }
}

/// From now on this process may use so many seconds of CPU time, rounded up, before it is ended by
/// `SIGXCPU`.
pub(crate) fn limit_cpu(seconds: u64) -> io::Result<()> {
    let maximum = getrlimit(Resource::Cpu).maximum;
    let limit = at_most(cpu_seconds_used().saturating_add(seconds), maximum);
    Ok(setrlimit(Resource::Cpu, Rlimit { current: Some(limit), maximum })?)
}

/// A limit that the host set for itself, and all that it starts, can be lowered and not raised.
fn at_most(limit: u64, maximum: Option<u64>) -> u64 {
    maximum.map_or(limit, |maximum| limit.min(maximum))
}

fn cpu_seconds_used() -> u64 {
    let used = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    u64::try_from(used.tv_sec).unwrap_or(0) + u64::from(used.tv_nsec > 0)
}
