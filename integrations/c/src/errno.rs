//! The C library's own number for an error, which stands beside the sentence.
//!
//! Invariant: every code and every kind of outcome has one that is not 0. On other systems than
//! Unix it stays as it is.

#[cfg(unix)]
pub(crate) use self::unix::{get, of_error, of_kind, set};

#[cfg(unix)]
mod unix {
    use errno::{Errno, errno, set_errno};

    use crate::abi::{
        OFFLOOP_ERROR_NESTED, OFFLOOP_ERROR_NULL, OFFLOOP_ERROR_PANIC, OFFLOOP_ERROR_SYSTEM,
        OFFLOOP_ERROR_THREAD, OFFLOOP_ERROR_UNKNOWN, OFFLOOP_PANICKED, OFFLOOP_QUEUE_FULL,
        OFFLOOP_REJECTED, OFFLOOP_TIMED_OUT,
    };

    pub(crate) fn get() -> i32 {
        errno().0
    }

    pub(crate) fn set(number: i32) {
        set_errno(Errno(number));
    }

    /// Of a function that was refused.
    pub(crate) fn of_error(code: i32) -> i32 {
        match code {
            OFFLOOP_ERROR_NULL => libc::EFAULT,
            OFFLOOP_ERROR_UNKNOWN => libc::EBADF,
            OFFLOOP_ERROR_THREAD => libc::EPERM,
            OFFLOOP_ERROR_NESTED => libc::EDEADLK,
            OFFLOOP_ERROR_SYSTEM => libc::EAGAIN,
            OFFLOOP_ERROR_PANIC => libc::EIO,
            _ => libc::EINVAL,
        }
    }

    /// Of a call without a value.
    pub(crate) fn of_kind(kind: u32) -> i32 {
        match kind {
            OFFLOOP_PANICKED => libc::EIO,
            OFFLOOP_TIMED_OUT => libc::ETIMEDOUT,
            OFFLOOP_QUEUE_FULL | OFFLOOP_REJECTED => libc::EAGAIN,
            _ => libc::ECANCELED,
        }
    }
}

#[cfg(not(unix))]
pub(crate) fn get() -> i32 {
    0
}

#[cfg(not(unix))]
pub(crate) fn set(_number: i32) {}

#[cfg(not(unix))]
pub(crate) fn of_error(_code: i32) -> i32 {
    0
}

#[cfg(not(unix))]
pub(crate) fn of_kind(_kind: u32) -> i32 {
    0
}
