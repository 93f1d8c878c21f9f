//! offloop on a loop over [polling]'s [`Poller`]: a [`PollingWaker`], on every system.
//!
//! Invariant: nothing here registers, reads or closes a descriptor; the waker notifies the poller,
//! and `deliver` stays the one place where user code runs.
//!
//! ```
//! use std::sync::Arc;
//! use offloop::Offloop;
//! use offloop_polling::PollingWaker;
//! use polling::{Events, Poller};
//!
//! struct App { off: Offloop<App>, answer: Option<u64> }
//!
//! let poller = Arc::new(Poller::new()?);
//! let off = Offloop::<App>::builder().waker(PollingWaker::new(&poller)).build()?;
//! let mut app = App { off, answer: None };
//!
//! app.off.call(|| (1..=20).product::<u64>()).cores().then(|app, outcome| {
//!     app.answer = outcome.ok();
//! });
//!
//! let mut events = Events::new();
//! while app.answer.is_none() {
//!     events.clear();
//!     poller.wait(&mut events, None)?;
//!     for event in events.iter() {
//!         match event.key { _ => { /* your sockets */ } }
//!     }
//!     app.off.clone().deliver(&mut app);
//! }
//! assert_eq!(app.answer, Some(2_432_902_008_176_640_000));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! A notified `wait` returns without an event, so the loop calls `deliver` each time that `wait`
//! returns; with nothing ready it costs nanoseconds.

#![forbid(unsafe_code)]

use std::io;
use std::sync::{Arc, Weak};

use offloop::LoopWaker;
use polling::Poller;

/// Makes [`Poller::wait`] return.
///
/// Any number of them may share one `Poller`, with each other and with the loop's own
/// [`notify`](Poller::notify): what is notified before a `wait`, or often, makes it return once.
///
/// It does not keep the `Poller` alive. When the loop drops that, a wake does nothing.
#[derive(Debug, Clone)]
pub struct PollingWaker(Weak<Poller>);

impl PollingWaker {
    /// A waker for the loop that waits on `poller`.
    pub fn new(poller: &Arc<Poller>) -> Self {
        Self(Arc::downgrade(poller))
    }
}

impl LoopWaker for PollingWaker {
    fn wake(&self) {
        if let Some(poller) = self.0.upgrade() {
            notify(&poller);
        }
    }
}

/// `Interrupted` leaves the `wait` asleep; the other errors say that there is nobody to wake.
fn notify(poller: &Poller) {
    while matches!(poller.notify(), Err(error) if error.kind() == io::ErrorKind::Interrupted) {}
}
