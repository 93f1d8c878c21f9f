//! The target `message`: a message's header and a worker's terms. Invariant: what is read is written as
//! it was read.

use offloop::fuzzing;

use crate::watch::watched;

/// Where a message's body begins.
const HEADER_LEN: usize = 40;

/// Reads the bytes as each of the two, and the body of a message as terms.
pub fn message(bytes: &[u8]) {
    watched(|| {
        fuzzing::terms(bytes);
        if fuzzing::message(bytes) {
            fuzzing::terms(&bytes[HEADER_LEN..]);
        }
    });
}
