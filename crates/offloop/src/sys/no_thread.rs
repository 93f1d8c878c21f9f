//! Systems where this crate sets neither a thread's nice value nor its CPUs. Invariant: asking
//! for either is an error, so that `build` can say so.

use std::io;

pub(crate) fn nice(_: i32) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

pub(crate) fn pin(_: &[usize]) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}
