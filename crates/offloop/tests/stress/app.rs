//! The loop's state, and its loop. Invariant: with a waker it sleeps until it is woken, so that a
//! lost wake is a hang.

use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;
use std::sync::atomic::Ordering::SeqCst;
use std::thread;
use std::time::Duration;

use offloop::Offloop;

use crate::ledger::Round;
use crate::probe::{self, QUIET, Tether};
use crate::tasks::Tasks;

pub(crate) struct App {
    pub(crate) round: Arc<Round>,
    pub(crate) off: Option<Offloop<App>>,
    pub(crate) tasks: Tasks,
    pub(crate) tether: Tether,
    pub(crate) turn: u64,
    pub(crate) in_turn: bool,
    /// The next handler shuts offloop down.
    pub(crate) inside: bool,
    pub(crate) handler_panics: u64,
    pub(crate) max_calls: usize,
    /// Somebody wakes this loop.
    pub(crate) is_woken: bool,
}

impl App {
    pub(crate) fn new(round: &Arc<Round>, max_calls: usize, is_woken: bool) -> Self {
        Self {
            round: round.clone(),
            off: None,
            tasks: Tasks::new(round),
            tether: Tether::default(),
            turn: 0,
            in_turn: false,
            inside: false,
            handler_panics: 0,
            max_calls,
            is_woken,
        }
    }

    /// One turn, and the tasks. Says whether there was anything to do.
    pub(crate) fn turn(&mut self) -> bool {
        let Some(off) = self.off.clone() else { return false };
        self.turn += 1;
        self.in_turn = true;
        let delivered = catch_unwind(AssertUnwindSafe(|| off.deliver(self)));
        self.in_turn = false;
        let did = match delivered {
            Ok(delivered) => {
                if delivered.count > self.max_calls {
                    self.round.fault_of_all(format!("a turn of {} calls", delivered.count));
                }
                delivered.count > 0 || delivered.more
            }
            Err(payload) => {
                let text = probe::text(&*payload).unwrap_or_default();
                let planned = text.starts_with(QUIET) && text.ends_with("a handler");
                if !planned {
                    resume_unwind(payload);
                }
                self.handler_panics += 1;
                true
            }
        };
        self.tasks.look() || did
    }

    /// Sleeps until somebody wakes this loop, if somebody does.
    pub(crate) fn rest(&self) {
        if self.is_woken && !self.tasks.is_impatient() {
            thread::park();
        } else {
            thread::yield_now();
        }
    }

    /// A nested turn, as a modal loop inside a handler has it: it runs nothing.
    pub(crate) fn deliver_inside(&mut self) {
        let Some(off) = self.off.clone() else { return };
        let nested = off.deliver(self);
        if nested.count != 0 || !nested.more {
            self.round.fault_of_all(format!("a nested turn said {nested:?}"));
        }
    }

    pub(crate) fn shutdown_inside(&mut self) {
        if mem::take(&mut self.inside)
            && let Some(off) = self.off.clone()
        {
            off.shutdown(Duration::ZERO);
            self.round.shut.store(true, SeqCst);
        }
    }
}
