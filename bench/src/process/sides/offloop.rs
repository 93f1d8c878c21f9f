//! offloop's worker processes, on a mio loop.
//!
//! Invariant: built as users build it, with the default features; only the number of workers is
//! set. The loop sleeps in `poll` until it is woken, and calls `deliver` once per wake.

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use mio::{Events, Poll, Token, Waker};
use offloop::{Failure, Offloop, Outcome, Processes, SharedBuf};
use offloop_mio::MioWaker;
use rustix::process::{Pid, Signal, kill_process};
use serde_bytes::ByteBuf;

use super::steps::{self, FALL_ASLEEP, PATIENCE, REPLACED, Steps, median_of};
use super::{Side, Site};
use crate::cases::per_item;
use crate::figures::median;
use crate::process::cases::Work;
use crate::process::functions::{self, Small, functions};

/// How long workers are kept in a call while submits are timed; a batch takes far less.
const HOLD: Duration = Duration::from_millis(20);

/// Batches of submits to workers that are in a call.
const BATCHES: u64 = 3;

/// What the handlers change.
#[derive(Default)]
struct Seen {
    returned: u64,
    failure: Option<String>,
    died: bool,
    worker: Option<i32>,
    bytes: Option<ByteBuf>,
    shared: Option<SharedBuf>,
}

impl Seen {
    fn take<T>(&mut self, outcome: Outcome<T>) -> Option<T> {
        self.returned += 1;
        self.died = matches!(outcome, Err(Failure::Died(_)));
        outcome.map_err(|failure| self.failure = Some(failure.to_string())).ok()
    }
}

struct OnProcesses {
    off: Offloop<Seen>,
    seen: Seen,
    submitted: u64,
    workers: usize,
    poll: Poll,
    events: Events,
}

pub(super) fn build(site: &Site<'_>) -> Result<Box<dyn Side>> {
    let poll = Poll::new()?;
    let waker = MioWaker::from(Arc::new(Waker::new(poll.registry(), Token(0))?));
    let processes = Processes::new(functions()).workers(site.workers);
    let off = Offloop::builder().waker(waker).processes(processes).build()?;
    let events = Events::with_capacity(16);
    let (seen, workers) = (Seen::default(), site.workers);
    Ok(Box::new(OnProcesses { off, seen, submitted: 0, workers, poll, events }))
}

impl OnProcesses {
    fn turn(&mut self) -> Result<()> {
        while let Err(error) = self.poll.poll(&mut self.events, Some(PATIENCE)) {
            if error.kind() != io::ErrorKind::Interrupted {
                return Err(error.into());
            }
        }
        if self.events.is_empty() {
            bail!("{} calls did not come back", self.submitted - self.seen.returned);
        }
        self.off.deliver(&mut self.seen);
        Ok(())
    }

    /// Until every call is back; none of them may have failed.
    fn drain(&mut self) -> Result<()> {
        while self.seen.returned < self.submitted {
            self.turn()?;
        }
        self.all_well()
    }

    fn all_well(&self) -> Result<()> {
        self.seen.failure.as_ref().map_or(Ok(()), |failure| bail!("calls failed: {failure}"))
    }

    /// The call at hand must come to the death of its worker; by when it does.
    fn until_death(&mut self) -> Result<Instant> {
        while self.seen.returned < self.submitted {
            self.turn()?;
        }
        let came = Instant::now();
        if !self.seen.died {
            bail!("calls failed: {:?} instead of a death", self.seen.failure);
        }
        self.seen.failure = None;
        Ok(came)
    }

    fn payload(&mut self, len: usize) -> Result<Duration> {
        let bytes = self.seen.bytes.take().unwrap_or_else(|| ByteBuf::from(vec![1; len]));
        let began = Instant::now();
        self.submitted += 1;
        self.off.call_fn(functions::echo_bytes, bytes).process().then(|seen, outcome| {
            seen.bytes = seen.take(outcome);
        });
        self.drain()?;
        Ok(began.elapsed())
    }

    fn in_place(&mut self, len: usize) -> Result<Duration> {
        let shared = match self.seen.shared.take() {
            Some(shared) => shared,
            None => {
                let mut shared = SharedBuf::new(len)?;
                shared.fill(1);
                shared
            }
        };
        let began = Instant::now();
        self.submitted += 1;
        self.off.call_fn(functions::echo_shared, shared).process().then(|seen, outcome| {
            seen.shared = seen.take(outcome);
        });
        self.drain()?;
        Ok(began.elapsed())
    }

    fn crash(&mut self) -> Result<Duration> {
        // The worker that ran it is there for the next call.
        steps::calls(self, 1, 1)?;
        std::thread::sleep(REPLACED);
        let began = Instant::now();
        self.submitted += 1;
        self.off.call_fn(functions::crash, ()).process().then(|seen, outcome| {
            seen.take(outcome);
        });
        Ok(self.until_death()? - began)
    }

    fn kill(&mut self) -> Result<Duration> {
        std::thread::sleep(REPLACED);
        self.submitted += 1;
        let call = self.off.call_fn_with(functions::stand_still, ()).process();
        let call = call.on_progress(|seen: &mut Seen, process: i32| seen.worker = Some(process));
        call.then(|seen, outcome| {
            seen.take(outcome);
        });
        while self.seen.worker.is_none() {
            self.turn()?;
            self.all_well()?;
        }
        let worker =
            self.seen.worker.take().and_then(Pid::from_raw).context("a worker's number")?;
        std::thread::sleep(FALL_ASLEEP);
        let began = Instant::now();
        kill_process(worker, Signal::KILL)?;
        Ok(self.until_death()? - began)
    }

    fn submit_bytes(&mut self, bytes: ByteBuf) {
        self.submitted += 1;
        self.off.call_fn(functions::take, bytes).process().then(|seen, outcome| {
            seen.take(outcome);
        });
    }

    /// Each batch with all workers in a call that outlasts it.
    fn submit_busy(&mut self, bytes: usize, calls: u64) -> Result<f64> {
        let mut took = Vec::new();
        for _ in 0..BATCHES {
            for _ in 0..self.workers {
                self.submitted += 1;
                self.off.call_fn(functions::doze, HOLD).process().then(|seen, outcome| {
                    seen.take(outcome);
                });
            }
            let payloads: Vec<_> = (0..calls).map(|_| ByteBuf::from(vec![0; bytes])).collect();
            std::thread::sleep(HOLD / 4);
            let began = Instant::now();
            payloads.into_iter().for_each(|bytes| self.submit_bytes(bytes));
            took.push(per_item(began.elapsed(), calls));
            self.drain()?;
        }
        Ok(median(&took))
    }

    fn submit_asleep(&mut self, bytes: usize) -> Result<Duration> {
        let payload = ByteBuf::from(vec![0; bytes]);
        std::thread::sleep(FALL_ASLEEP);
        let began = Instant::now();
        self.submit_bytes(payload);
        let took = began.elapsed();
        self.drain()?;
        Ok(took)
    }
}

impl Steps for OnProcesses {
    fn send(&mut self) -> Result<()> {
        self.submitted += 1;
        self.off.call_fn(functions::echo, Small::SAMPLE).process().then(|seen, outcome| {
            seen.take(outcome);
        });
        Ok(())
    }

    fn take(&mut self) -> Result<u64> {
        let before = self.seen.returned;
        while self.seen.returned == before {
            self.turn()?;
        }
        self.all_well()?;
        Ok(self.seen.returned - before)
    }
}

impl Side for OnProcesses {
    fn block(&mut self, work: Work, calls: u64) -> Result<f64> {
        match work {
            Work::Calls { in_flight } => steps::calls(self, calls, in_flight),
            Work::Payload { bytes } => median_of(calls, || self.payload(bytes)),
            Work::InPlace { bytes } => median_of(calls, || self.in_place(bytes)),
            Work::Crash => median_of(calls, || self.crash()),
            Work::Kill => median_of(calls, || self.kill()),
            Work::Submit { bytes, busy: true } => self.submit_busy(bytes, calls),
            Work::Submit { bytes, busy: false } => median_of(calls, || self.submit_asleep(bytes)),
        }
    }
}
