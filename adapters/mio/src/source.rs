//! The offloop's own descriptor as a mio event source. Invariant: it borrows the descriptor from
//! the offloop and never outlives it.

use std::io;
use std::os::fd::AsRawFd;

use mio::event::Source;
use mio::unix::SourceFd;
use mio::{Interest, Registry, Token};
use offloop::Offloop;

/// Registers an [`Offloop`] that was built with [`fd_waker`](offloop::Builder::fd_waker), in the
/// manner of [`SourceFd`]: made for the moment, around a borrow.
///
/// `poll.registry().register(&mut OffloopSource(&off), TOKEN, Interest::READABLE)?`
///
/// Dropping the offloop ends its events; no `deregister` is owed.
///
/// # Errors
/// `InvalidInput` when the offloop has no descriptor, or when the interests lack reading.
#[derive(Debug)]
pub struct OffloopSource<'a, S: 'static = ()>(pub &'a Offloop<S>);

impl<S: 'static> OffloopSource<'_, S> {
    fn with_fd(&self, act: impl FnOnce(&mut SourceFd<'_>) -> io::Result<()>) -> io::Result<()> {
        let fd = self.0.as_fd().ok_or_else(|| {
            invalid(
                "this offloop has no descriptor to watch: build it with fd_waker(), or wake the \
                 loop with a MioWaker",
            )
        })?;
        act(&mut SourceFd(&fd.as_raw_fd()))
    }
}

impl<S: 'static> Source for OffloopSource<'_, S> {
    fn register(&mut self, registry: &Registry, token: Token, on: Interest) -> io::Result<()> {
        let reading = reading(on)?;
        self.with_fd(|fd| fd.register(registry, token, reading))
    }

    fn reregister(&mut self, registry: &Registry, token: Token, on: Interest) -> io::Result<()> {
        let reading = reading(on)?;
        self.with_fd(|fd| fd.reregister(registry, token, reading))
    }

    fn deregister(&mut self, registry: &Registry) -> io::Result<()> {
        self.with_fd(|fd| fd.deregister(registry))
    }
}

/// Reading alone: an eventfd is writable at all times, and would say so.
fn reading(interests: Interest) -> io::Result<Interest> {
    if interests.is_readable() {
        Ok(Interest::READABLE)
    } else {
        Err(invalid("an offloop becomes readable and nothing else: register Interest::READABLE"))
    }
}

fn invalid(sentence: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, sentence)
}
