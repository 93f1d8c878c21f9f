//! tokio's `spawn_blocking`, from a loop that is not tokio's.
//!
//! Invariant: the runtime has no driver and no thread but the blocking ones, which is the least
//! that `spawn_blocking` asks for.

use std::time::Duration;

use anyhow::Result;
use tokio::runtime::{Builder, Runtime};

use super::mailbox::Mailbox;
use super::{Pool, Rival, Site, Tally};

struct Tokio {
    runtime: Runtime,
    mailbox: Mailbox,
}

pub(super) fn build(site: &Site) -> Result<Box<dyn Rival>> {
    let runtime = Builder::new_current_thread()
        .max_blocking_threads(site.workers)
        .thread_keep_alive(Duration::from_secs(3600))
        .build()?;
    Ok(Box::new(Tokio { runtime, mailbox: Mailbox::new(&site.bell) }))
}

impl Pool for Tokio {
    fn call<F: FnOnce() -> u64 + Send + 'static>(&mut self, f: F) {
        let outbox = self.mailbox.outbox();
        self.runtime.spawn_blocking(move || outbox.send(f()));
    }

    fn deliver(&mut self, tally: &mut Tally) {
        self.mailbox.deliver(tally);
    }
}
