//! The `threadpool` crate and its `execute`. Invariant: its threads start with it.

use anyhow::Result;
use threadpool::ThreadPool;

use super::mailbox::Mailbox;
use super::{Pool, Rival, Site, Tally};

struct Threadpool {
    pool: ThreadPool,
    mailbox: Mailbox,
}

pub(super) fn build(site: &Site) -> Result<Box<dyn Rival>> {
    let pool = ThreadPool::new(site.workers);
    Ok(Box::new(Threadpool { pool, mailbox: Mailbox::new(&site.bell) }))
}

impl Pool for Threadpool {
    fn call<F: FnOnce() -> u64 + Send + 'static>(&mut self, f: F) {
        let outbox = self.mailbox.outbox();
        self.pool.execute(move || outbox.send(f()));
    }

    fn deliver(&mut self, tally: &mut Tally) {
        self.mailbox.deliver(tally);
    }
}
