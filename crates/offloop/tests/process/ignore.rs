//! A host that does not care for the end of its children. Invariant: it changes the disposition of one
//! signal, in a process that waits for no child of its own.

use nix::sys::signal::{SigHandler, Signal, signal};

pub(crate) fn ignore_children() {
    // SAFETY: no handler is installed, so no code runs in one.
    unsafe { signal(Signal::SIGCHLD, SigHandler::SigIgn) }.expect("the signal can be ignored");
}
