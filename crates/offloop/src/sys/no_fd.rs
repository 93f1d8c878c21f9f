//! Systems whose loops do not watch descriptors. Invariant: a `WakeFd` can't be made.

use std::io;

pub(crate) struct WakeFd(std::convert::Infallible);

impl WakeFd {
    pub(crate) fn new() -> io::Result<Self> {
        Err(io::ErrorKind::Unsupported.into())
    }

    pub(crate) fn signal(&self) {
        match self.0 {}
    }

    pub(crate) fn is_set(&self) -> bool {
        match self.0 {}
    }

    pub(crate) fn drain(&self) {
        match self.0 {}
    }
}
