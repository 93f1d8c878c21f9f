//! A descriptor that is readable while a turn is asked for: an eventfd on Linux, a pipe elsewhere.
//! Invariant: neither `signal` nor `drain` blocks, both ends close on exec, and what makes the
//! descriptor readable makes `is_set` true, soon after at the latest.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use crate::sync::{AtomicBool, Ordering};

pub(crate) struct WakeFd {
    read: OwnedFd,
    /// The pipe's other end; an eventfd is its own.
    write: Option<OwnedFd>,
    /// Something was written since the last drain. Set behind the write and swapped before the
    /// read, so that a write which the read missed always leaves it set.
    set: AtomicBool,
}

impl WakeFd {
    #[cfg(all(target_os = "linux", not(offloop_force_pipe)))]
    pub(crate) fn new() -> io::Result<Self> {
        use rustix::event::{EventfdFlags, eventfd};
        let read = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?;
        Ok(Self { read, write: None, set: AtomicBool::new(false) })
    }

    #[cfg(any(not(target_os = "linux"), offloop_force_pipe))]
    pub(crate) fn new() -> io::Result<Self> {
        let (read, write) = io::pipe()?;
        let (read, write) = (OwnedFd::from(read), OwnedFd::from(write));
        rustix::io::ioctl_fionbio(&read, true)?;
        rustix::io::ioctl_fionbio(&write, true)?;
        Ok(Self { read, write: Some(write), set: AtomicBool::new(false) })
    }

    pub(crate) fn signal(&self) {
        let write = self.write.as_ref().unwrap_or(&self.read);
        // An eventfd takes eight bytes. A full pipe (EAGAIN) is readable already, which is all
        // that is wanted; and there is no other failure with a live descriptor.
        let _readable_already = rustix::io::write(write, &1u64.to_ne_bytes());
        self.set.store(true, Ordering::Release);
    }

    /// Whether there is something to drain.
    pub(crate) fn is_set(&self) -> bool {
        self.set.load(Ordering::Relaxed)
    }

    pub(crate) fn drain(&self) {
        self.set.swap(false, Ordering::AcqRel);
        let mut buffer = [0u8; 64];
        // An eventfd is reset by one read. A pipe holds one message per wake, and there is one
        // wake per drain, but a wake may come during it: read until a short read.
        while rustix::io::read(&self.read, &mut buffer).is_ok_and(|read| read == buffer.len()) {}
    }
}

impl AsFd for WakeFd {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.read.as_fd()
    }
}
