//! What many programs write themselves: threads that take boxed jobs from a crossbeam channel.
//!
//! Invariant: the threads end when the loop's end of the channel is dropped.

use std::thread;

use anyhow::Result;
use crossbeam_channel::{Sender, unbounded};

use super::mailbox::Mailbox;
use super::{Pool, Rival, Site, Tally};

type Job = Box<dyn FnOnce() + Send>;

struct Channel {
    jobs: Sender<Job>,
    mailbox: Mailbox,
}

/// The same, with a handler of its own for each call, as offloop has.
struct WithHandlers {
    jobs: Sender<Job>,
    mailbox: Mailbox<Handler>,
}

type Handler = Box<dyn FnOnce(&mut Tally) + Send>;

pub(super) fn build(site: &Site) -> Result<Box<dyn Rival>> {
    Ok(Box::new(Channel { jobs: start(site.workers)?, mailbox: Mailbox::new(&site.bell) }))
}

pub(super) fn with_handlers(site: &Site) -> Result<Box<dyn Rival>> {
    Ok(Box::new(WithHandlers { jobs: start(site.workers)?, mailbox: Mailbox::new(&site.bell) }))
}

fn start(workers: usize) -> Result<Sender<Job>> {
    let (jobs, waiting) = unbounded::<Job>();
    for number in 0..workers {
        let waiting = waiting.clone();
        thread::Builder::new().name(format!("crossbeam-{number}")).spawn(move || {
            for job in waiting {
                job();
            }
        })?;
    }
    Ok(jobs)
}

impl Pool for Channel {
    fn call<F: FnOnce() -> u64 + Send + 'static>(&mut self, f: F) {
        let outbox = self.mailbox.outbox();
        let job: Job = Box::new(move || outbox.send(f()));
        // It fails only when every worker is gone, and they end after this sender alone.
        let _workers_gone = self.jobs.send(job);
    }

    fn deliver(&mut self, tally: &mut Tally) {
        self.mailbox.deliver(tally);
    }
}

impl Pool for WithHandlers {
    fn call<F: FnOnce() -> u64 + Send + 'static>(&mut self, f: F) {
        let outbox = self.mailbox.outbox();
        let job: Job = Box::new(move || {
            let result = f();
            outbox.send(Box::new(move |tally| tally.ok(result)));
        });
        // As above.
        let _workers_gone = self.jobs.send(job);
    }

    fn deliver(&mut self, tally: &mut Tally) {
        self.mailbox.empty(|handler| handler(tally));
    }
}
