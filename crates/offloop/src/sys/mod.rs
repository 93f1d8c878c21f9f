//! What std does not offer: a wake descriptor, the fork check, a thread's nice value and CPUs; what
//! worker processes need (`process`).
//! Invariant: the rest of the crate names no system call and no platform.

#[allow(unsafe_code)]
mod fork;

#[cfg(unix)]
#[path = "fd.rs"]
mod fd;
#[cfg(not(unix))]
#[path = "no_fd.rs"]
mod fd;

#[cfg(target_os = "linux")]
#[path = "thread.rs"]
mod thread;
#[cfg(not(target_os = "linux"))]
#[path = "no_thread.rs"]
mod thread;

#[cfg(all(feature = "process", target_os = "linux"))]
pub(crate) mod process;

pub(crate) use self::fd::WakeFd;
pub(crate) use self::fork::ForkCheck;
pub(crate) use self::thread::{nice, pin};
