//! Values that are written by one side and read by the other, kept on cache lines of their own.
//! Invariant: two of them never share a line, nor the pair of lines that a CPU fetches together.

use std::ops::Deref;

#[derive(Default)]
#[repr(align(128))]
pub(crate) struct Padded<T>(pub(crate) T);

impl<T> Deref for Padded<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}
