//! The floors of a call in another process: a child that gives back what it gets, and a parent that
//! waits in the read.
//!
//! Invariant: one child, two hand-overs per round trip, no values, no queue, no loop.

use std::os::fd::{AsFd, OwnedFd};
use std::process::{Child, Stdio};

use anyhow::{Result, bail};
use rustix::io::{read, write};
use rustix::net::{AddressFamily, SocketFlags, SocketType, socketpair};

use super::steps::{self, Steps};
use super::{MESSAGE, Side, Site};
use crate::process::cases::Work;
use crate::process::child::{Piped, Task};

struct Echo {
    /// `None`: the other end takes both ways.
    to: Option<OwnedFd>,
    from: OwnedFd,
    child: Child,
}

/// Two pipes.
pub(super) fn pipes() -> Result<Box<dyn Side>> {
    let Piped { to, from, child } = Task::Echo.start()?;
    Ok(Box::new(Echo { to: Some(to), from, child }))
}

/// One `SOCK_SEQPACKET` pair, which is what offloop's workers have.
pub(super) fn socket(_site: &Site<'_>) -> Result<Box<dyn Side>> {
    let (family, kind) = (AddressFamily::UNIX, SocketType::SEQPACKET);
    let (ours, theirs) = socketpair(family, kind, SocketFlags::CLOEXEC, None)?;
    let child = Task::EchoSocket.command()?.stdin(Stdio::from(theirs)).spawn()?;
    Ok(Box::new(Echo { to: None, from: ours, child }))
}

impl Steps for Echo {
    fn send(&mut self) -> Result<()> {
        let to = self.to.as_ref().unwrap_or(&self.from);
        write(to.as_fd(), &[7; MESSAGE])?;
        Ok(())
    }

    fn take(&mut self) -> Result<u64> {
        let mut message = [0; MESSAGE];
        match read(&self.from, &mut message)? {
            MESSAGE => Ok(1),
            len => bail!("{len} bytes came back of {MESSAGE}"),
        }
    }
}

impl Side for Echo {
    fn block(&mut self, work: Work, calls: u64) -> Result<f64> {
        match work {
            Work::Calls { in_flight } => steps::calls(self, calls, in_flight),
            work => bail!("an echo does no {work:?}"),
        }
    }
}

impl Drop for Echo {
    fn drop(&mut self) {
        // It may have ended already; a child that is not waited for stays a zombie.
        let _ended = self.child.kill();
        let _reaped = self.child.wait();
    }
}
