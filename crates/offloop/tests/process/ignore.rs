//! Hosts with signals of their own. Invariant: each changes the disposition of one
//! signal, in a process that runs one test.

use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, Signal, sigaction, signal};

pub(crate) fn ignore_children() {
    // SAFETY: no handler is installed, so no code runs in one.
    unsafe { signal(Signal::SIGCHLD, SigHandler::SigIgn) }.expect("the signal can be ignored");
}

extern "C" fn forget(_: i32) {}

/// `SIGUSR1` interrupts what it finds, and does nothing else.
pub(crate) fn catch_and_forget() {
    let handler = SigHandler::Handler(forget);
    let action = SigAction::new(handler, SaFlags::empty(), SigSet::empty());
    // SAFETY: the handler touches nothing.
    unsafe { sigaction(Signal::SIGUSR1, &action) }.expect("the signal can be caught");
}
