//! `blocking::unblock`, the pool of smol and async-std.
//!
//! Invariant: its pool is one for the process; only the number of threads can be set.

use std::num::NonZero;

use anyhow::{Context, Result};

use super::mailbox::Mailbox;
use super::{Pool, Rival, Site, Tally};

struct Blocking {
    mailbox: Mailbox,
}

pub(super) fn build(site: &Site) -> Result<Box<dyn Rival>> {
    let workers = NonZero::new(site.workers).context("blocking needs one thread at least")?;
    blocking::set_max_blocking_threads(workers);
    Ok(Box::new(Blocking { mailbox: Mailbox::new(&site.bell) }))
}

impl Pool for Blocking {
    fn call<F: FnOnce() -> u64 + Send + 'static>(&mut self, f: F) {
        let outbox = self.mailbox.outbox();
        blocking::unblock(move || outbox.send(f())).detach();
    }

    fn deliver(&mut self, tally: &mut Tally) {
        self.mailbox.deliver(tally);
    }
}
