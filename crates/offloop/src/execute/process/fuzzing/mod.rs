//! What the fuzz targets of this project reach: each parser of another process's bytes, behind a
//! function that takes such bytes. Compiled with `--cfg fuzzing` alone, and no part of the interface.
//!
//! Invariant: what is called here is the code that runs in earnest; nothing of it is written twice.

mod parent;

pub use self::parent::{Canceller, Parent, Pending, Worker, WorkerSide};

use std::os::fd::OwnedFd;

use serde::de::DeserializeOwned;

use super::child::serve_at;
use super::codec::{Codec, Format};
use super::shared::Carriage;
use super::wire::{Layout, Message, Place, Terms};
use crate::execute::Functions;
use crate::sys::process::{Region, Socket};

/// Reads a message; checks that it is written as it was read.
pub fn message(bytes: &[u8]) -> bool {
    let Some(Message { header, inline }) = Message::parse(bytes) else { return false };
    assert_eq!([&header.to_bytes()[..], inline].concat(), bytes, "{header:?}");
    assert!(header.place == Place::Arena || header.len == inline.len() as u64, "{header:?}");
    true
}

/// Reads terms; checks that they are written as they were read, and that the memory they ask for has
/// room for both directions.
pub fn terms(bytes: &[u8]) -> bool {
    let Some(terms) = Terms::parse(bytes) else { return false };
    assert_eq!(terms.to_bytes(), bytes, "{terms:?}");
    let layout = usize::try_from(terms.max_payload).ok().and_then(Layout::new);
    if let Some(layout) = layout {
        let room = terms.max_payload as usize;
        assert!(layout.argument() >= 4096 && layout.argument() + room <= layout.result());
        assert!(layout.result().checked_add(room).is_some_and(|end| end <= layout.len()));
    }
    true
}

/// A buffer that this process knows already.
pub struct Known {
    /// By which a value names it.
    pub id: u64,
    /// Its descriptor.
    pub memory: OwnedFd,
    /// How large it is.
    pub len: usize,
}

/// Reads a value that came with these descriptors, where these buffers may come back.
pub fn decode<T: DeserializeOwned>(
    bytes: &[u8],
    fds: Vec<OwnedFd>,
    known: Vec<Known>,
) -> Result<T, String> {
    let open = |known: Known| Region::open(known.id, known.memory, known.len).ok();
    let carriage = Carriage::with(fds, known.into_iter().filter_map(open).collect());
    let (decoded, _) = carriage.during(|| Format::decode(bytes));
    decoded.map_err(|error| error.to_string())
}

/// The digest that the two sides compare.
pub fn digest(functions: &Functions) -> u64 {
    functions.registry.digest()
}

/// Serves as a worker at this socket; gives what a process would end with.
pub fn serve(socket: OwnedFd, functions: &Functions) -> i32 {
    serve_at(Socket::from_fd(socket), &functions.registry)
}
