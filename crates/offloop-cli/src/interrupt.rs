//! Ctrl-C (and the termination signal): one flag that everything asks.
//!
//! The first one lets the program finish cleanly, the second ends it at once.

use mio::Waker;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

/// Clones share the flag.
#[derive(Clone, Default)]
pub(crate) struct Interrupt(Arc<Shared>);

#[derive(Default)]
struct Shared {
    flag: AtomicBool,
    waker: OnceLock<Arc<Waker>>,
}

impl Interrupt {
    /// Takes over the handling of the signals, for the whole process.
    pub(crate) fn install() -> Result<Interrupt, ctrlc::Error> {
        let interrupt = Interrupt::default();
        let shared = Arc::clone(&interrupt.0);
        // `ctrlc` calls this on a thread of its own: anything may be done here.
        ctrlc::set_handler(move || {
            if shared.flag.swap(true, Ordering::AcqRel) {
                std::process::exit(i32::from(crate::cli::EXIT_INTERRUPTED));
            }
            if let Some(waker) = shared.waker.get() {
                // A loop that cannot be woken sees the flag at its next heartbeat.
                let _ = waker.wake();
            }
        })?;
        Ok(interrupt)
    }

    /// From now on an interruption wakes this loop.
    pub(crate) fn wake_too(&self, waker: Arc<Waker>) {
        // A process has one loop: a second one would be woken by its heartbeat only.
        let _ = self.0.waker.set(waker);
    }

    pub(crate) fn is_set(&self) -> bool {
        self.0.flag.load(Ordering::Acquire)
    }
}
