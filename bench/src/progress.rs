//! Where the run stands, for whoever watches. Invariant: it is one line of a terminal, written over
//! again and gone in the end; nothing is written elsewhere.

use std::fmt::Arguments;
use std::io::{IsTerminal, Write, stderr};

/// Back to the start of the line, and clear it.
const CLEAR: &str = "\r\x1b[K";

pub(crate) fn show(what: Arguments<'_>) {
    write(format_args!("{CLEAR}{what} "));
}

pub(crate) fn end() {
    write(format_args!("{CLEAR}"));
}

fn write(what: Arguments<'_>) {
    let mut stderr = stderr();
    if stderr.is_terminal() {
        // Nobody to tell is no reason to end a run.
        let _nobody_watches = stderr.write_fmt(what).and_then(|()| stderr.flush());
    }
}
