//! A pair of connected sockets that keep messages whole.
//!
//! Invariant: a message arrives whole or not at all; one that is larger than the buffer, or came
//! with more descriptors than were asked for, is an error and never a part of a message.

use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, ReturnFlags,
    SendAncillaryBuffer, SendAncillaryMessage, SendFlags, Shutdown, SocketFlags, SocketType,
};

/// As many descriptors as one message may carry.
const FDS_MAX: usize = 8;

pub(crate) struct Socket(OwnedFd);

impl Socket {
    /// Both ends close on exec.
    pub(crate) fn pair() -> io::Result<(Self, OwnedFd)> {
        let (family, kind) = (AddressFamily::UNIX, SocketType::SEQPACKET);
        let (here, there) = rustix::net::socketpair(family, kind, SocketFlags::CLOEXEC, None)?;
        Ok((Self(here), there))
    }

    pub(crate) fn from_fd(fd: OwnedFd) -> Self {
        Self(fd)
    }

    /// Sends one message made of `parts`; `WouldBlock` when the other side has left too many unread
    /// and `wait` is false.
    pub(crate) fn send(
        &self,
        parts: &[IoSlice<'_>],
        fds: &[BorrowedFd<'_>],
        wait: bool,
    ) -> io::Result<()> {
        let mut flags = SendFlags::NOSIGNAL;
        flags.set(SendFlags::DONTWAIT, !wait);
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(FDS_MAX))];
        loop {
            let mut control = SendAncillaryBuffer::new(&mut space);
            if !fds.is_empty() && !control.push(SendAncillaryMessage::ScmRights(fds)) {
                return Err(io::ErrorKind::InvalidInput.into());
            }
            match rustix::net::sendmsg(&self.0, parts, &mut control, flags) {
                Ok(_) => return Ok(()),
                Err(Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Receives one message into `buffer`, and its descriptors behind those in `fds`. 0 is the end;
    /// `WouldBlock`: nothing is there, and `wait` is false.
    pub(crate) fn receive(
        &self,
        buffer: &mut [u8],
        fds: &mut Vec<OwnedFd>,
        wait: bool,
    ) -> io::Result<usize> {
        let mut flags = RecvFlags::CMSG_CLOEXEC;
        flags.set(RecvFlags::DONTWAIT, !wait);
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(FDS_MAX))];
        loop {
            let mut control = RecvAncillaryBuffer::new(&mut space);
            let mut parts = [IoSliceMut::new(buffer)];
            let message = match rustix::net::recvmsg(&self.0, &mut parts, &mut control, flags) {
                Ok(message) => message,
                // The other side died with a message of ours unread, and what it sent before is
                // behind this error; only 0 is the end.
                Err(Errno::INTR | Errno::CONNRESET) => continue,
                Err(error) => return Err(error.into()),
            };
            for part in control.drain() {
                if let RecvAncillaryMessage::ScmRights(rights) = part {
                    fds.extend(rights);
                }
            }
            if message.flags.intersects(ReturnFlags::TRUNC | ReturnFlags::CTRUNC) {
                return Err(io::ErrorKind::InvalidData.into());
            }
            return Ok(message.bytes);
        }
    }

    /// Ends both directions, which wakes whoever waits at either end. What has arrived stays
    /// readable.
    pub(crate) fn shut(&self) {
        // It fails when it was done before.
        let _shut_already = rustix::net::shutdown(&self.0, Shutdown::Both);
    }

    /// No message comes any more; the other side's answers still do.
    pub(crate) fn finish(&self) {
        let _shut_already = rustix::net::shutdown(&self.0, Shutdown::Write);
    }

    /// How many bytes of messages may wait unread.
    pub(crate) fn capacity(&self) -> io::Result<usize> {
        Ok(rustix::net::sockopt::socket_send_buffer_size(&self.0)?)
    }

    /// Whether the other end is closed.
    pub(crate) fn is_orphaned(&self) -> bool {
        let mut fds = [PollFd::new(&self.0, PollFlags::empty())];
        let at_once = Timespec { tv_sec: 0, tv_nsec: 0 };
        let polled = poll(&mut fds, Some(&at_once));
        polled.is_ok() && fds[0].revents().intersects(PollFlags::HUP | PollFlags::ERR)
    }
}

impl AsFd for Socket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// Which of the descriptors have something to say, in their order.
type Waited = Vec<bool>;

/// Waits until at least one descriptor has something to say, at most until `until`: then none has.
pub(crate) fn wait_any(fds: &[BorrowedFd<'_>], until: Option<Instant>) -> io::Result<Waited> {
    let mut polled: Vec<_> = fds.iter().map(|fd| PollFd::new(fd, PollFlags::IN)).collect();
    loop {
        let left = until.map(|until| until.saturating_duration_since(Instant::now()));
        // Rounded up, so that a wait does not end before its time.
        let left = left.map(|left| left.saturating_add(Duration::from_nanos(1)));
        let timeout = left.and_then(|left| Timespec::try_from(left).ok());
        match poll(&mut polled, timeout.as_ref()) {
            Ok(_) => return Ok(polled.iter().map(|fd| !fd.revents().is_empty()).collect()),
            Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
}
