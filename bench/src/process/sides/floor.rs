//! The least that the machine asks for each case. Invariant: it does what a case can't do without,
//! and nothing else.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::{read, write};
use rustix::process::{PidfdFlags, Signal, kill_process, pidfd_open};

use super::steps::{FALL_ASLEEP, median_of};
use super::{Side, Site, pipe};
use crate::cases::per_item;
use crate::machine::Placement;
use crate::process::cases::Work;
use crate::process::child::{self, Piped, Task};

/// How often offloop copies a payload on its way there and back: encoded into the arena, decoded
/// by the worker, encoded into the arena by the worker, taken out of it, decoded.
const COPIES: u64 = 5;

/// A loop that wakes nobody has no floor; free threads have none either, but for what does not
/// depend on where they run.
pub(super) fn does(work: Work, placement: Placement) -> bool {
    match work {
        Work::Calls { .. } | Work::Payload { .. } | Work::Crash | Work::Kill => true,
        Work::InPlace { .. } => false,
        Work::Submit { busy, .. } => !busy && placement != Placement::Free,
    }
}

pub(super) fn build(site: &Site<'_>) -> Result<Box<dyn Side>> {
    Ok(match site.work {
        Work::Calls { .. } | Work::InPlace { .. } => return pipe::pipes(),
        Work::Payload { bytes } => Box::new(Copies { from: vec![1; bytes], to: vec![2; bytes] }),
        Work::Crash | Work::Kill => Box::new(Ends { placement: site.placement }),
        Work::Submit { .. } => Box::new(Sleeper::start()?),
    })
}

/// Memory that is copied to memory, both in use before.
struct Copies {
    from: Vec<u8>,
    to: Vec<u8>,
}

impl Side for Copies {
    fn block(&mut self, _work: Work, calls: u64) -> Result<f64> {
        let began = Instant::now();
        for _ in 0..COPIES * calls {
            self.to.copy_from_slice(std::hint::black_box(&self.from));
            std::hint::black_box(&mut self.to);
        }
        Ok(per_item(began.elapsed(), calls))
    }
}

/// Children that end, each seen by its pidfd.
struct Ends {
    placement: Placement,
}

impl Side for Ends {
    fn block(&mut self, work: Work, calls: u64) -> Result<f64> {
        median_of(calls, || self.one(work == Work::Kill))
    }
}

impl Ends {
    fn one(&self, from_outside: bool) -> Result<Duration> {
        let Piped { to, from, mut child } = Task::Crash.start()?;
        let pid = child::pid(&child)?;
        let end = pidfd_open(pid, PidfdFlags::empty())?;
        read(&from, &mut [0_u8])?;
        self.placement.apply_to_all(&[]);
        thread::sleep(FALL_ASLEEP);
        let began = Instant::now();
        if from_outside {
            kill_process(pid, Signal::KILL)?;
        } else {
            write(&to, &[1])?;
        }
        let ended = poll(&mut [PollFd::new(&end, PollFlags::IN)], None)?;
        let took = began.elapsed();
        child.wait()?;
        if ended != 1 {
            bail!("the child did not end");
        }
        Ok(took)
    }
}

/// A thread that sleeps until it is woken.
struct Sleeper {
    ended: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Sleeper {
    fn start() -> Result<Self> {
        let ended = Arc::new(AtomicBool::new(false));
        let sees = ended.clone();
        let sleep = move || {
            while !sees.load(Ordering::Acquire) {
                thread::park();
            }
        };
        let thread = thread::Builder::new().name("floor".to_owned()).spawn(sleep)?;
        Ok(Self { ended, thread: Some(thread) })
    }
}

impl Side for Sleeper {
    fn block(&mut self, _work: Work, calls: u64) -> Result<f64> {
        let Some(thread) = &self.thread else { bail!("the thread has ended") };
        median_of(calls, || {
            thread::sleep(FALL_ASLEEP);
            let began = Instant::now();
            thread.thread().unpark();
            Ok(began.elapsed())
        })
    }
}

impl Drop for Sleeper {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::Release);
        if let Some(thread) = self.thread.take() {
            thread.thread().unpark();
            // It runs nothing that could panic.
            let _ended = thread.join();
        }
    }
}
