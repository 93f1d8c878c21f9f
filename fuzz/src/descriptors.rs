//! Descriptors as another process may send them: right ones, and each kind of wrong one.
//! Invariant: what is made depends on the bytes alone.

use std::fs::File;
use std::os::fd::OwnedFd;

use rustix::event::{EventfdFlags, eventfd};
use rustix::fs::{MemfdFlags, SealFlags, fcntl_add_seals, ftruncate, memfd_create};
use rustix::net::{AddressFamily, SocketFlags, SocketType, socketpair};

use crate::cursor::Cursor;

/// Two more than a message may have.
const MOST: u8 = 10;

const SIZES: [u64; 8] = [4096, 8192, 65_536, 0, 1, 4095, 1 << 20, 1 << 40];

/// As many as a byte says, each as a byte says.
pub(crate) fn several(from: &mut Cursor<'_>) -> Vec<OwnedFd> {
    let count = from.byte() % (MOST + 1);
    (0..count).map(|_| one(from.byte())).collect()
}

/// The low half of `what` says what it is, the high one how large.
pub(crate) fn one(what: u8) -> OwnedFd {
    let size = size(what);
    match what & 7 {
        0 | 1 => memory(size, SealFlags::SHRINK | SealFlags::GROW | SealFlags::SEAL),
        2 => memory(size, SealFlags::empty()),
        3 => memory(size, SealFlags::SHRINK | SealFlags::WRITE),
        4 => File::open("/dev/null").expect("it is there").into(),
        5 => File::open("/").expect("it is there").into(),
        6 => eventfd(0, EventfdFlags::CLOEXEC).expect("a descriptor"),
        _ => pair().0,
    }
}

pub(crate) fn size(what: u8) -> u64 {
    SIZES[usize::from(what >> 4) % SIZES.len()]
}

pub(crate) fn memory(size: u64, seals: SealFlags) -> OwnedFd {
    let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
    let memory = memfd_create("fuzz", flags).expect("a descriptor");
    ftruncate(&memory, size).expect("it takes no memory yet");
    fcntl_add_seals(&memory, seals).expect("it may be sealed");
    memory
}

pub(crate) fn sealed(size: u64) -> OwnedFd {
    memory(size, SealFlags::SHRINK | SealFlags::GROW | SealFlags::SEAL)
}

/// Both ends of what a worker and its parent talk by.
pub(crate) fn pair() -> (OwnedFd, OwnedFd) {
    let (family, kind) = (AddressFamily::UNIX, SocketType::SEQPACKET);
    socketpair(family, kind, SocketFlags::CLOEXEC, None).expect("two descriptors")
}
