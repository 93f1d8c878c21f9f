//! What wakes the loop for the next heartbeat.
//!
//! Linux: a timer descriptor, because the timeout of `epoll_wait` counts whole
//! milliseconds and would be late by up to one. Elsewhere: the timeout of the poll.

use mio::{Registry, Token};
use std::io;
use std::time::Duration;

#[cfg(target_os = "linux")]
pub(crate) struct Timer {
    fd: std::os::fd::OwnedFd,
    period: Duration,
}

#[cfg(target_os = "linux")]
impl Timer {
    pub(crate) fn new(registry: &Registry, token: Token, period: Duration) -> io::Result<Timer> {
        use rustix::time::{TimerfdClockId, TimerfdFlags, timerfd_create};
        use std::os::fd::AsRawFd;
        let flags = TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC;
        let fd = timerfd_create(TimerfdClockId::Monotonic, flags)?;
        let source = fd.as_raw_fd();
        registry.register(&mut mio::unix::SourceFd(&source), token, mio::Interest::READABLE)?;
        let timer = Timer { fd, period };
        timer.restart()?;
        Ok(timer)
    }

    /// Makes the first tick come one period from now.
    pub(crate) fn restart(&self) -> io::Result<()> {
        use rustix::time::{Itimerspec, TimerfdTimerFlags, Timespec, timerfd_settime};
        let period = Timespec::try_from(self.period).map_err(io::Error::other)?;
        let spec = Itimerspec { it_interval: period, it_value: period };
        timerfd_settime(&self.fd, TimerfdTimerFlags::empty(), &spec)?;
        Ok(())
    }

    /// Takes the ticks that the descriptor reported.
    pub(crate) fn clear(&self) {
        // An empty timer (`EAGAIN`) is as clear as can be.
        let _ = rustix::io::read(&self.fd, &mut [0u8; 8]);
    }

    /// The longest time that a poll may wait.
    pub(crate) fn timeout(&self, _until_next: Duration) -> Option<Duration> {
        None
    }
}

#[cfg(not(target_os = "linux"))]
pub(crate) struct Timer;

#[cfg(not(target_os = "linux"))]
impl Timer {
    pub(crate) fn new(_: &Registry, _: Token, _: Duration) -> io::Result<Timer> {
        Ok(Timer)
    }

    pub(crate) fn restart(&self) -> io::Result<()> {
        Ok(())
    }

    pub(crate) fn clear(&self) {}

    pub(crate) fn timeout(&self, until_next: Duration) -> Option<Duration> {
        Some(until_next)
    }
}
