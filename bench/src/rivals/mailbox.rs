//! What a careful program writes around a pool that knows no loop: a queue of messages, and a wake
//! for the first one only.
//!
//! The message is the result itself, so every call of a program has the same type and the same
//! handler: the leanest way there is. A handler of its own per call takes a boxed message.
//!
//! Invariant: the notification is lowered before the queue is emptied, so a message that comes in
//! between wakes the loop again; none is left behind.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crossbeam_channel::{Receiver, Sender, unbounded};

use super::{Bell, Tally};

/// The workers' end.
pub(super) struct Outbox<M>(Arc<Shared<M>>);

struct Shared<M> {
    messages: Sender<M>,
    notified: AtomicBool,
    bell: Bell,
}

impl<M> Outbox<M> {
    pub(super) fn send(&self, message: M) {
        // It fails only when the loop's end is gone, and then nobody waits for the message.
        let _nobody_waits = self.0.messages.send(message);
        if !self.0.notified.swap(true, Ordering::AcqRel) {
            self.0.bell.ring();
        }
    }
}

/// The loop's end.
pub(super) struct Mailbox<M = u64> {
    outbox: Outbox<M>,
    messages: Receiver<M>,
}

impl<M> Mailbox<M> {
    pub(super) fn new(bell: &Bell) -> Self {
        let (sender, messages) = unbounded();
        let shared =
            Shared { messages: sender, notified: AtomicBool::new(false), bell: bell.clone() };
        Self { outbox: Outbox(Arc::new(shared)), messages }
    }

    pub(super) fn outbox(&self) -> Outbox<M> {
        Outbox(self.outbox.0.clone())
    }

    /// Gives every message that is there to `handle`.
    pub(super) fn empty(&self, mut handle: impl FnMut(M)) {
        let notified = &self.outbox.0.notified;
        // The look is cheaper than the swap, and most turns of a loop find nothing.
        if !notified.load(Ordering::Relaxed) || !notified.swap(false, Ordering::AcqRel) {
            return;
        }
        while let Ok(message) = self.messages.try_recv() {
            handle(message);
        }
    }
}

impl Mailbox {
    pub(super) fn deliver(&self, tally: &mut Tally) {
        self.empty(|result| tally.ok(result));
    }
}
