//! The manager: one thread that starts, watches, replaces and reaps the worker processes.
//!
//! Invariant: it waits in one `poll` for its bell, the workers that start, and the end of every
//! process; it runs no user code and touches no payload, so nothing delays it.

use std::os::fd::AsFd;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::peer::{Heard, LEAVE_MAX, Peer};
use super::shop::{Shop, Tally};
use super::wire::{HEADER_LEN, Kind, Message};
use crate::execute::threads::lock;
use crate::sys::WakeFd;
use crate::sys::process::wait_any;

/// Starts that fail in a row before those who wait are told.
const TRIES: u32 = 3;

/// The longest pause between two tries.
const BACK_OFF_MAX: Duration = Duration::from_secs(2);

/// How long the end waits for killed workers to be gone.
const GONE_MAX: Duration = Duration::from_secs(10);

struct Starting {
    peer: Arc<Peer>,
    /// `None`: no clock gets there.
    until: Option<Instant>,
}

struct Manager<'a> {
    shop: &'a Shop,
    bell: &'a WakeFd,
    starting: Vec<Starting>,
    /// Every process that is not reaped, apart from those that start.
    watched: Vec<Arc<Peer>>,
    /// Starts that failed in a row.
    failures: u32,
    retry_at: Option<Instant>,
    buffer: Vec<u8>,
}

pub(super) fn run(shop: &Shop, bell: &WakeFd) {
    let (starting, watched, buffer) = (Vec::new(), Vec::new(), Vec::new());
    let mut this = Manager { shop, bell, starting, watched, failures: 0, retry_at: None, buffer };
    while !shop.rack.is_stopping() {
        this.start();
        this.wait();
    }
    this.end();
}

impl Manager<'_> {
    /// Starts as many as are lacking, unless a failure has to be waited out.
    fn start(&mut self) {
        let now = Instant::now();
        if self.retry_at.is_some_and(|at| at > now) {
            return;
        }
        self.retry_at = None;
        // After a failure one at a time, until one succeeds.
        for _ in 0..self.shop.rack.plan_starts() {
            if self.retry_at.is_some() || (self.failures > 0 && !self.starting.is_empty()) {
                self.shop.rack.gave_up_start();
                continue;
            }
            match Peer::start(&self.shop.config, self.shop.digest, self.shop.output.as_deref()) {
                Ok(peer) => {
                    let until = Instant::now().checked_add(self.shop.config.handshake);
                    self.starting.push(Starting { peer: Arc::new(peer), until });
                }
                Err(error) => self.failed(format!("the system did not start a worker: {error}")),
            }
        }
    }

    /// Waits for the next event and deals with all that have come.
    fn wait(&mut self) {
        let starts = self.starting.iter().filter_map(|starting| starting.until);
        let leaves = self.watched.iter().filter_map(|peer| peer.leave_until());
        let until = starts.chain(self.retry_at).chain(leaves).min();
        let mut fds = vec![self.bell.as_fd()];
        for Starting { peer, .. } in &self.starting {
            fds.extend([peer.socket.as_fd(), peer.child.as_fd()]);
        }
        fds.extend(self.watched.iter().map(|peer| peer.child.as_fd()));
        let Ok(ready) = wait_any(&fds, until) else {
            // No memory for it; what has come is still there next time.
            return std::thread::sleep(Duration::from_millis(1));
        };
        if ready[0] {
            self.bell.drain();
        }
        let starts = 2 * self.starting.len();
        let heard: Vec<bool> = ready[1..=starts].chunks(2).map(|pair| pair[0] || pair[1]).collect();
        if ready[1 + starts..].contains(&true) {
            self.reap();
        }
        let now = Instant::now();
        for peer in &self.watched {
            if peer.leave_until().is_some_and(|until| until <= now) {
                peer.end();
            }
        }
        self.greet(&heard);
    }

    /// Takes in the workers that are ready, and gives up those that will not be.
    fn greet(&mut self, heard: &[bool]) {
        let now = Instant::now();
        let all = std::mem::take(&mut self.starting);
        for (at, starting) in all.into_iter().enumerate() {
            let Starting { peer, until } = starting;
            let ready = if heard.get(at) == Some(&true) {
                check(self.shop, &peer, &mut self.buffer)
            } else if until.is_some_and(|until| until <= now) {
                let limit = self.shop.config.handshake;
                Err(format!("a worker was started and not ready within {limit:?}"))
            } else {
                self.starting.push(Starting { peer, until });
                continue;
            };
            self.watched.push(peer.clone());
            match ready {
                Ok(()) => {
                    self.failures = 0;
                    Tally::count(&self.shop.tally.started);
                    self.shop.rack.started(peer);
                }
                Err(why) => {
                    peer.end();
                    self.failed(why);
                }
            }
        }
    }

    /// A start failed: those who wait are told when it is not the first time, or nobody is there who
    /// could take their calls.
    fn failed(&mut self, why: String) {
        self.shop.rack.gave_up_start();
        self.shop.note_trouble(why);
        Tally::count(&self.shop.tally.start_failures);
        self.failures += 1;
        let pause = self.shop.config.retry.saturating_mul(1 << self.failures.min(16) >> 1);
        self.retry_at = Some(Instant::now() + pause.min(BACK_OFF_MAX));
        let (waited_for, any) = self.shop.rack.is_waited_for();
        if waited_for && self.failures >= TRIES && !any {
            self.shop.rack.refuse();
        }
    }

    /// Takes away those that have ended.
    fn reap(&mut self) {
        let shop = self.shop;
        self.watched.retain(|peer| {
            let Some(exit) = peer.child.reap() else { return true };
            // One that was ready, and that nobody killed and no attendant has noticed.
            if shop.rack.lose(peer) {
                shop.tally.died(peer.how(exit));
            }
            false
        });
    }

    /// Ends all processes: those that are ready leave by themselves when no message comes any more.
    fn end(&mut self) {
        for Starting { peer, .. } in std::mem::take(&mut self.starting) {
            peer.end();
            self.watched.push(peer);
        }
        let idle = self.shop.rack.take_idle();
        for peer in &idle {
            peer.socket.finish();
        }
        let until = (*lock(&self.shop.leave_until)).min(Instant::now() + LEAVE_MAX);
        for peer in &self.watched {
            if !idle.iter().any(|idle| Arc::ptr_eq(idle, peer)) {
                peer.end();
            }
        }
        self.wait_gone(until);
        for peer in &self.watched {
            peer.end();
        }
        self.wait_gone(Instant::now() + GONE_MAX);
    }

    fn wait_gone(&mut self, until: Instant) {
        loop {
            self.watched.retain(|peer| peer.child.reap().is_none());
            if self.watched.is_empty() || Instant::now() >= until {
                return;
            }
            let fds: Vec<_> = self.watched.iter().map(|peer| peer.child.as_fd()).collect();
            if wait_any(&fds, Some(until)).is_err() {
                std::thread::sleep(Duration::from_millis(1));
            }
        }
    }
}

/// Whether a worker's first message says that it is the right one.
pub(super) fn check(shop: &Shop, peer: &Peer, buffer: &mut Vec<u8>) -> Result<(), String> {
    let len = match peer.hear(buffer, &mut Vec::new(), Some(Instant::now())) {
        Ok(Heard::Message(len)) => len,
        Ok(Heard::End) => {
            let exit = peer.wait_end();
            return Err(format!(
                "a worker ended before it was ready ({exit}); does its main() begin with \
                 offloop::worker::run_if_worker?"
            ));
        }
        Err(error) => return Err(format!("a worker could not be heard: {error}")),
    };
    let message = Message::parse(&buffer[..len]);
    let ready = message.filter(|message| message.header.kind == Kind::Ready);
    match ready.map(|ready| ready.header.extra == shop.digest) {
        Some(true) => Ok(()),
        Some(false) => {
            let theirs = String::from_utf8_lossy(&buffer[HEADER_LEN..len]);
            Err(format!(
                "the worker's functions are not the ones of this program: it has [{theirs}], \
                 and this program [{}]; build both from the same source",
                shop.registry.listing()
            ))
        }
        None => Err("a worker began with what is no greeting; is it built with the same \
                     version of offloop?"
            .into()),
    }
}
