//! A rayon pool and its `spawn`. Invariant: a pool of its own, so that the number of threads holds.

use anyhow::Result;
use rayon_core::{ThreadPool, ThreadPoolBuilder};

use super::mailbox::Mailbox;
use super::{Pool, Rival, Site, Tally};

struct Rayon {
    pool: ThreadPool,
    mailbox: Mailbox,
}

pub(super) fn build(site: &Site) -> Result<Box<dyn Rival>> {
    let pool = ThreadPoolBuilder::new().num_threads(site.workers).build()?;
    Ok(Box::new(Rayon { pool, mailbox: Mailbox::new(&site.bell) }))
}

impl Pool for Rayon {
    fn call<F: FnOnce() -> u64 + Send + 'static>(&mut self, f: F) {
        let outbox = self.mailbox.outbox();
        self.pool.spawn(move || outbox.send(f()));
    }

    fn deliver(&mut self, tally: &mut Tally) {
        self.mailbox.deliver(tally);
    }
}
