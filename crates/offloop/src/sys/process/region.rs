//! Memory that one process at a time has, and hands to another as a whole.
//!
//! Invariant: a `Lent` is the only one in this process that reaches its region's bytes; who gives it
//! to another process gives it up here.

use std::io;
use std::ops::{Deref, DerefMut};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::ptr::NonNull;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::arena::{check, map, memory};

const PAGE: usize = 4096;

/// Mapped memory, and the descriptor to hand it over by.
pub(crate) struct Region {
    /// Its own among all processes that have it.
    id: u64,
    base: NonNull<u8>,
    len: usize,
    fd: OwnedFd,
}

// SAFETY: the mapping belongs to no thread; its bytes are reached by one `Lent` alone.
unsafe impl Send for Region {}
// SAFETY: as above.
unsafe impl Sync for Region {}

impl Region {
    pub(crate) fn create(len: usize) -> io::Result<Arc<Self>> {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        let len = len.max(1).checked_next_multiple_of(PAGE).ok_or(io::ErrorKind::OutOfMemory)?;
        let fd = memory(len)?;
        let id = u64::from(std::process::id()) << 32 | NEXT.fetch_add(1, Ordering::Relaxed);
        Ok(Arc::new(Self { id, base: map(&fd, len)?, len, fd }))
    }

    /// Memory that another process made; its size must be `len`, and sealed.
    pub(crate) fn open(id: u64, fd: OwnedFd, len: usize) -> io::Result<Arc<Self>> {
        check(&fd, len)?;
        Ok(Arc::new(Self { id, base: map(&fd, len)?, len, fd }))
    }

    pub(crate) fn id(&self) -> u64 {
        self.id
    }

    pub(crate) fn len(&self) -> usize {
        self.len
    }
}

impl AsFd for Region {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

impl Drop for Region {
    fn drop(&mut self) {
        // SAFETY: the mapping is this one's own, and nothing borrows it any more.
        let _unmapped = unsafe { rustix::mm::munmap(self.base.as_ptr().cast(), self.len) };
    }
}

/// The first `len` bytes of a region.
pub(crate) struct Lent {
    region: Arc<Region>,
    len: usize,
}

impl Lent {
    /// For a region that no other `Lent` of this process has; `None` when it is smaller.
    pub(crate) fn new(region: Arc<Region>, len: usize) -> Option<Self> {
        (len <= region.len).then_some(Self { region, len })
    }

    /// To hand it over.
    pub(crate) fn region(&self) -> &Arc<Region> {
        &self.region
    }
}

impl Deref for Lent {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        // SAFETY: the range is inside the mapping, which the region keeps; in this process nobody else
        // reaches it, and a process that was lent it before has given it up.
        unsafe { std::slice::from_raw_parts(self.region.base.as_ptr(), self.len) }
    }
}

impl DerefMut for Lent {
    fn deref_mut(&mut self) -> &mut [u8] {
        // SAFETY: as above, and `self` is borrowed alone.
        unsafe { std::slice::from_raw_parts_mut(self.region.base.as_ptr(), self.len) }
    }
}
