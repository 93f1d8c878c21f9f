//! A descriptor that is readable while a turn is asked for: an eventfd on Linux, a pipe elsewhere.
//! Invariant: neither `signal` nor `drain` blocks, and both ends close on exec.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

pub(crate) struct WakeFd {
    read: OwnedFd,
    /// The pipe's other end; an eventfd is its own.
    write: Option<OwnedFd>,
}

impl WakeFd {
    #[cfg(all(target_os = "linux", not(offloop_force_pipe)))]
    pub(crate) fn new() -> io::Result<Self> {
        use rustix::event::{EventfdFlags, eventfd};
        let read = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?;
        Ok(Self { read, write: None })
    }

    #[cfg(any(not(target_os = "linux"), offloop_force_pipe))]
    pub(crate) fn new() -> io::Result<Self> {
        let (read, write) = io::pipe()?;
        let (read, write) = (OwnedFd::from(read), OwnedFd::from(write));
        rustix::io::ioctl_fionbio(&read, true)?;
        rustix::io::ioctl_fionbio(&write, true)?;
        Ok(Self { read, write: Some(write) })
    }

    pub(crate) fn signal(&self) {
        let write = self.write.as_ref().unwrap_or(&self.read);
        // An eventfd takes eight bytes. A full pipe (EAGAIN) is readable already, which is all
        // that is wanted; and there is no other failure with a live descriptor.
        let _readable_already = rustix::io::write(write, &1u64.to_ne_bytes());
    }

    pub(crate) fn drain(&self) {
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
