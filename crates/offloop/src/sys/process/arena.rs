//! Memory that two processes share: of fixed, sealed size, so that neither can shrink it under the
//! other.
//!
//! Invariant: every access is inside the bounds, whatever the other process says; what it may write
//! at the same time is read by copy (`copy_out`) or as an atomic word, never borrowed by the parent.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::ptr::NonNull;
use std::sync::atomic::AtomicU64;

use rustix::fs::{MemfdFlags, SealFlags};
use rustix::io::Errno;
use rustix::mm::{Advice, MapFlags, ProtFlags};

pub(crate) struct Arena {
    base: NonNull<u8>,
    len: usize,
}

// SAFETY: the mapping belongs to no thread; its bytes are reached by the methods below alone.
unsafe impl Send for Arena {}
// SAFETY: as above; concurrent access to the same bytes is excluded by the protocol inside this
// process (one attendant has a worker at a time), and the other process is outside the model.
unsafe impl Sync for Arena {}

/// The page of words at the front.
pub(crate) const CONTROL_LEN: usize = 4096;

impl Arena {
    /// New memory of `len` bytes, zeroed and not yet backed by pages, and the descriptor to share it
    /// by.
    pub(crate) fn create(len: usize) -> io::Result<(Self, OwnedFd)> {
        let fd = memory(len)?;
        Ok((Self::map(&fd, len)?, fd))
    }

    /// Maps memory that another process made; its size must be `len`, and sealed.
    pub(crate) fn open(fd: &OwnedFd, len: usize) -> io::Result<Self> {
        check(fd, len)?;
        Self::map(fd, len)
    }

    fn map(fd: &OwnedFd, len: usize) -> io::Result<Self> {
        if len < CONTROL_LEN {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        Ok(Self { base: map(fd, len)?, len })
    }

    fn at(&self, offset: usize, len: usize) -> Option<NonNull<u8>> {
        let end = offset.checked_add(len)?;
        // SAFETY: `offset` is inside the mapping, which is one allocation.
        (end <= self.len).then(|| unsafe { self.base.add(offset) })
    }

    /// A word of the first page, which either side may write at any time.
    pub(crate) fn word(&self, index: usize) -> &AtomicU64 {
        assert!(index < CONTROL_LEN / 8, "the first page has no such word");
        // SAFETY: inside the mapping, which starts at a page; the memory lives as long as `self` and
        // is touched as an atomic by everybody.
        unsafe { AtomicU64::from_ptr(self.base.as_ptr().cast::<u64>().add(index)) }
    }

    /// Writes `bytes` behind the first page; `None` when they do not fit.
    pub(crate) fn copy_in(&self, offset: usize, bytes: &[u8]) -> Option<()> {
        if offset < CONTROL_LEN {
            return None;
        }
        let to = self.at(offset, bytes.len())?;
        // SAFETY: the range is inside the mapping, behind the words, and `bytes` is memory of this
        // process that is not part of it: no slice of the mapping is handed out beside `trusted`,
        // which the worker reads while it writes nowhere near.
        unsafe { std::ptr::copy_nonoverlapping(bytes.as_ptr(), to.as_ptr(), bytes.len()) };
        Some(())
    }

    /// Appends a copy of a range to `into`; `None` when it is not inside.
    pub(crate) fn copy_out(&self, offset: usize, len: usize, into: &mut Vec<u8>) -> Option<()> {
        let from = self.at(offset, len)?;
        into.try_reserve(len).ok()?;
        // SAFETY: the range is inside the mapping, and `into` has room for it behind its length; the
        // bytes that are copied are what they are, even if the other process writes them meanwhile.
        unsafe {
            std::ptr::copy_nonoverlapping(from.as_ptr(), into.as_mut_ptr().add(into.len()), len);
            into.set_len(into.len() + len);
        }
        Some(())
    }

    /// A range as it lies there; for the worker, whose parent writes no argument while the worker
    /// has one.
    pub(crate) fn trusted(&self, offset: usize, len: usize) -> Option<&[u8]> {
        let from = self.at(offset, len)?;
        // SAFETY: the range is inside the mapping, which lives as long as `self`; the parent, which
        // is the other half of this same library, leaves it alone until the call is answered.
        Some(unsafe { std::slice::from_raw_parts(from.as_ptr(), len) })
    }
}

/// Memory that has a descriptor and no name, and keeps its size.
pub(super) fn memory(len: usize) -> io::Result<OwnedFd> {
    let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
    let made = rustix::fs::memfd_create("offloop", flags | MemfdFlags::NOEXEC_SEAL);
    let fd = match made {
        // Linux before 6.3 does not know the flag.
        Err(Errno::INVAL) => rustix::fs::memfd_create("offloop", flags)?,
        made => made?,
    };
    rustix::fs::ftruncate(&fd, len as u64)?;
    rustix::fs::fcntl_add_seals(&fd, SealFlags::SHRINK | SealFlags::GROW | SealFlags::SEAL)?;
    Ok(fd)
}

/// Whether memory from elsewhere has this size and keeps it.
pub(super) fn check(fd: &OwnedFd, len: usize) -> io::Result<()> {
    let sealed = rustix::fs::fcntl_get_seals(fd)?.contains(SealFlags::SHRINK);
    let sized = u64::try_from(rustix::fs::fstat(fd)?.st_size).is_ok_and(|size| size == len as u64);
    if sealed && sized { Ok(()) } else { Err(io::ErrorKind::InvalidData.into()) }
}

pub(super) fn map(fd: &OwnedFd, len: usize) -> io::Result<NonNull<u8>> {
    let (read_write, shared) = (ProtFlags::READ | ProtFlags::WRITE, MapFlags::SHARED);
    // SAFETY: the kernel chooses a free place, and nothing in this program refers to it yet.
    let base =
        unsafe { rustix::mm::mmap(std::ptr::null_mut(), len, read_write, shared, fd.as_fd(), 0)? };
    // A core dump of this program has no use for it; where that is unknown, it is larger.
    // SAFETY: the advice concerns core dumps alone, and the range is the mapping's own.
    let _unknown = unsafe { rustix::mm::madvise(base, len, Advice::LinuxDontDump) };
    NonNull::new(base.cast()).ok_or_else(|| io::ErrorKind::Other.into())
}

impl Drop for Arena {
    fn drop(&mut self) {
        // SAFETY: the mapping is this one's own, and nothing borrows it any more.
        let _unmapped = unsafe { rustix::mm::munmap(self.base.as_ptr().cast(), self.len) };
    }
}
