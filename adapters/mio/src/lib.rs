//! offloop on a mio loop, in one of two ways: a [`MioWaker`], on every system, or the offloop's
//! own descriptor as an event source, `OffloopSource`, on Unix.
//!
//! Invariant: nothing here reads, writes or closes a descriptor; registering is all that is done
//! with the loop, so `deliver` stays the one place where user code runs.
//!
//! ```
//! use mio::{Events, Poll, Token};
//! use offloop::Offloop;
//! use offloop_mio::MioWaker;
//!
//! struct App { off: Offloop<App>, answer: Option<u64> }
//! const OFFLOOP: Token = Token(0);
//!
//! let mut poll = Poll::new()?;
//! let waker = MioWaker::new(poll.registry(), OFFLOOP)?;
//! let off = Offloop::<App>::builder().waker(waker).build()?;
//! let mut app = App { off, answer: None };
//!
//! app.off.call(|| (1..=20).product::<u64>()).cores().then(|app, outcome| {
//!     app.answer = outcome.ok();
//! });
//!
//! let mut events = Events::with_capacity(64);
//! while app.answer.is_none() {
//!     poll.poll(&mut events, None)?;
//!     for event in &events {
//!         match event.token() {
//!             OFFLOOP => { app.off.clone().deliver(&mut app); }
//!             _ => { /* your sockets */ }
//!         }
//!     }
//! }
//! assert_eq!(app.answer, Some(2_432_902_008_176_640_000));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! One `deliver` per event is enough, edge-triggered as mio is: what a turn leaves over makes the
//! next event by itself.

#![forbid(unsafe_code)]

#[cfg(unix)]
mod source;
#[cfg(unix)]
pub use source::OffloopSource;

use std::io;
use std::sync::Arc;

use mio::{Registry, Token, Waker};
use offloop::LoopWaker;

/// Wakes a mio [`Poll`](mio::Poll) with an event of one token.
///
/// A `Poll` has room for one [`mio::Waker`]. A loop that has one already shares it:
/// `MioWaker::from(its_arc)`, and `deliver` where that token comes in.
///
/// **Keep one alive on the loop's side.** mio takes an event back when the last waker is dropped:
/// a `poll` that begins after a wake and the drop never returns. An [`Offloop`](offloop::Offloop)
/// keeps the waker that it was built with, so a loop that holds its `Offloop` holds a waker too.
/// A loop that also wakes itself from threads of its own keeps a clone beside its `Poll`.
#[derive(Debug, Clone)]
pub struct MioWaker(Arc<Waker>);

impl MioWaker {
    /// A waker whose events carry `token`.
    ///
    /// # Errors
    /// mio's. (With debug assertions, mio panics if the `Poll` has a waker already.)
    pub fn new(registry: &Registry, token: Token) -> io::Result<Self> {
        Waker::new(registry, token).map(|waker| Self(Arc::new(waker)))
    }
}

impl From<Arc<Waker>> for MioWaker {
    fn from(waker: Arc<Waker>) -> Self {
        Self(waker)
    }
}

impl LoopWaker for MioWaker {
    fn wake(&self) {
        // It fails only when the loop is gone, and then nobody is left to wake.
        let _nobody_left = self.0.wake();
    }
}
