//! The functions that workers run, the same for every side that calls functions.
//!
//! Invariant: none of them does more than the case is about.

use std::thread;
use std::time::Duration;

use offloop::{Context, Functions, SharedBuf};
use rustix::process::{Signal, getpid, kill_process};
use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;

/// 64 bytes, and 64 of them when encoded.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(super) struct Small {
    first: [u8; 32],
    second: [u8; 32],
}

impl Small {
    pub(super) const SAMPLE: Small = Small { first: [1; 32], second: [2; 32] };
}

/// The step between bytes that are looked at so that each page is.
const PAGE: usize = 4096;

pub(super) fn functions() -> Functions {
    Functions::new()
        .add("echo", echo)
        .add("echo_bytes", echo_bytes)
        .add("echo_shared", echo_shared)
        .add("crash", crash)
        .add("take", take)
        .add("doze", doze)
        .add_with("stand_still", stand_still)
}

pub(super) fn echo(small: Small) -> Small {
    small
}

pub(super) fn echo_bytes(bytes: ByteBuf) -> ByteBuf {
    bytes
}

pub(super) fn echo_shared(bytes: SharedBuf) -> SharedBuf {
    look_at(&bytes);
    bytes
}

/// Reads a byte of each page.
pub(super) fn look_at(bytes: &[u8]) {
    let sum = bytes.iter().step_by(PAGE).fold(0_u8, |sum, byte| sum.wrapping_add(*byte));
    std::hint::black_box(sum);
}

/// Ends the process at once.
pub(super) fn crash(_: ()) {
    // It does not return; where it failed, the caller says that no crash came.
    let _alive = kill_process(getpid(), Signal::KILL);
}

pub(super) fn take(bytes: ByteBuf) -> usize {
    bytes.len()
}

pub(super) fn doze(time: Duration) {
    thread::sleep(time);
}

/// Says which process it is in, and stays there.
pub(super) fn stand_still(context: &Context, _: ()) {
    context.progress(getpid().as_raw_nonzero().get());
    thread::sleep(Duration::from_secs(60));
}
