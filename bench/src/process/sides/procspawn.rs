//! procspawn's pool of processes.
//!
//! Invariant: the loop thread itself waits in `join`, in the order of the calls; a program with a
//! loop needs a thread that does, which is a hand-over more per call.

use std::collections::VecDeque;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use procspawn::{JoinHandle, Pool};
use rustix::process::{Pid, Signal, kill_process};
use serde_bytes::ByteBuf;

use super::steps::{self, FALL_ASLEEP, PATIENCE, REPLACED, Steps, median_of};
use super::{Side, Site};
use crate::machine;
use crate::process::cases::Work;
use crate::process::functions::{Small, crash, doze, echo, echo_bytes, take};

struct Spawned {
    pool: Pool,
    waiting: VecDeque<JoinHandle<Small>>,
    bytes: Option<ByteBuf>,
}

/// It has no memory that is shared.
pub(super) fn does(work: Work) -> bool {
    match work {
        Work::Calls { .. } | Work::Payload { .. } | Work::Crash | Work::Kill => true,
        Work::Submit { busy, .. } => !busy,
        Work::InPlace { .. } => false,
    }
}

pub(super) fn build(site: &Site<'_>) -> Result<Box<dyn Side>> {
    let pool = Pool::new(site.workers)?;
    Ok(Box::new(Spawned { pool, waiting: VecDeque::new(), bytes: None }))
}

impl Spawned {
    fn payload(&mut self, len: usize) -> Result<Duration> {
        let bytes = self.bytes.take().unwrap_or_else(|| ByteBuf::from(vec![1; len]));
        let began = Instant::now();
        self.bytes = Some(self.pool.spawn(bytes, echo_bytes).join()?);
        Ok(began.elapsed())
    }

    fn crash(&mut self) -> Result<Duration> {
        // The worker that ran it is there for the next call.
        steps::calls(self, 1, 1)?;
        thread::sleep(REPLACED);
        let began = Instant::now();
        let ended = self.pool.spawn((), crash).join();
        let took = began.elapsed();
        match ended {
            Err(_) => Ok(took),
            Ok(()) => bail!("the call came back"),
        }
    }

    fn kill(&mut self) -> Result<Duration> {
        thread::sleep(REPLACED);
        let call = self.pool.spawn(PATIENCE, doze);
        let began = Instant::now();
        let process = loop {
            if let Some(process) = call.pid() {
                break process;
            }
            if began.elapsed() > PATIENCE {
                bail!("the call did not begin");
            }
            machine::nap();
        };
        thread::sleep(REPLACED);
        let process = i32::try_from(process).ok().and_then(Pid::from_raw);
        let began = Instant::now();
        kill_process(process.context("a worker's number")?, Signal::KILL)?;
        let ended = call.join();
        let took = began.elapsed();
        match ended {
            Err(_) => Ok(took),
            Ok(()) => bail!("the call came back"),
        }
    }

    fn submit(&mut self, bytes: usize) -> Result<Duration> {
        let payload = ByteBuf::from(vec![0; bytes]);
        thread::sleep(FALL_ASLEEP);
        let began = Instant::now();
        let call = self.pool.spawn(payload, take);
        let took = began.elapsed();
        match call.join()? {
            len if len == bytes => Ok(took),
            len => bail!("{len} bytes came of {bytes}"),
        }
    }
}

impl Steps for Spawned {
    fn send(&mut self) -> Result<()> {
        self.waiting.push_back(self.pool.spawn(Small::SAMPLE, echo));
        Ok(())
    }

    fn take(&mut self) -> Result<u64> {
        let call = self.waiting.pop_front().context("no call is in flight")?;
        call.join()?;
        Ok(1)
    }
}

impl Side for Spawned {
    fn block(&mut self, work: Work, calls: u64) -> Result<f64> {
        match work {
            Work::Calls { in_flight } => steps::calls(self, calls, in_flight),
            Work::Payload { bytes } => median_of(calls, || self.payload(bytes)),
            Work::Crash => median_of(calls, || self.crash()),
            Work::Kill => median_of(calls, || self.kill()),
            Work::Submit { bytes, .. } => median_of(calls, || self.submit(bytes)),
            Work::InPlace { .. } => bail!("procspawn does no {work:?}"),
        }
    }
}
