//! The target `decode`: a value's bytes, with descriptors and known buffers. Invariant: what is decoded
//! can be looked at, whatever was sent along.

use std::collections::{HashMap, HashSet};

use offloop::SharedBuf;
use offloop::fuzzing::{self, Known};
use serde::de::DeserializeOwned;

use crate::cursor::Cursor;
use crate::descriptors;
use crate::values::{self, Value};
use crate::watch::watched;

/// A quarter of what an attendant has, so that an input of a few thousand bytes could be too deep.
const STACK: usize = 512 << 10;

/// The descriptors, then sizes of known buffers by their numbers, then the type, then the bytes.
pub fn decode(bytes: &[u8]) {
    watched(|| {
        // A thread's stack ends; a value that contains itself is as deep as its bytes say.
        std::thread::scope(|scope| {
            let thread = std::thread::Builder::new().stack_size(STACK);
            let run = thread.spawn_scoped(scope, || decode_here(Cursor::new(bytes)));
            run.expect("a thread").join().expect("a panic has aborted");
        });
    });
}

fn decode_here(mut bytes: Cursor<'_>) {
    let fds = descriptors::several(&mut bytes);
    let known = bytes.byte() % 4;
    let known = (1..=known).map(|id| {
        let what = bytes.byte();
        let (memory, len) = (descriptors::one(what), descriptors::size(what));
        Known { id: id.into(), memory, len: len as usize }
    });
    let known = known.collect();
    match bytes.byte() % 7 {
        0 => with(bytes.rest(), fds, known, |mut value: Value| value.look()),
        1 => with(bytes.rest(), fds, known, |mut all: Vec<Option<SharedBuf>>| {
            all.iter_mut().flatten().map(values::look).sum()
        }),
        2 => with(bytes.rest(), fds, known, |mut two: (SharedBuf, u8, SharedBuf)| {
            values::look(&mut two.0) + values::look(&mut two.2)
        }),
        3 => with(bytes.rest(), fds, known, |all: HashMap<Vec<String>, [u16; 5]>| all.len()),
        4 => with(bytes.rest(), fds, known, |rows: Vec<Vec<Vec<(u64, char)>>>| rows.len()),
        5 => with(bytes.rest(), fds, known, |rows: Vec<HashSet<()>>| rows.len()),
        _ => with(bytes.rest(), fds, known, |text: Result<String, Option<bool>>| {
            text.map_or(0, |text| text.len())
        }),
    }
}

fn with<T: DeserializeOwned>(
    bytes: &[u8],
    fds: Vec<std::os::fd::OwnedFd>,
    known: Vec<Known>,
    look: impl FnOnce(T) -> usize,
) {
    match fuzzing::decode(bytes, fds, known) {
        Ok(value) => {
            std::hint::black_box(look(value));
        }
        Err(text) => assert!(text.starts_with("it can't be decoded"), "{text}"),
    }
}
