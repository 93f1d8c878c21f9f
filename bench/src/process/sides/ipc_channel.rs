//! ipc-channel: typed channels between processes, with a pool of the leanest kind around them.
//!
//! Invariant: the loop thread itself waits in `recv`, so that no thread stands between; a program
//! with a loop needs one, which is a hand-over more per call.

use std::process::Child;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use ipc_channel::ipc::{self, IpcOneShotServer, IpcReceiver, IpcSender, IpcSharedMemory};
use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;

use super::steps::{self, FALL_ASLEEP, Steps, median_of};
use super::{Side, Site};
use crate::process::cases::Work;
use crate::process::child::Task;
use crate::process::functions::{Small, look_at};

#[derive(Serialize, Deserialize)]
enum Ask {
    /// Where the answers go.
    Answers(IpcSender<Answer>),
    Echo(Small),
    EchoBytes(ByteBuf),
    EchoShared(IpcSharedMemory),
    Take(ByteBuf),
}

#[derive(Serialize, Deserialize)]
enum Answer {
    Ready,
    Echo(Small),
    Bytes(ByteBuf),
    Shared(IpcSharedMemory),
    Took(usize),
}

struct Channels {
    asks: Vec<IpcSender<Ask>>,
    answers: IpcReceiver<Answer>,
    children: Vec<Child>,
    next: usize,
    bytes: Option<ByteBuf>,
    shared: Option<IpcSharedMemory>,
}

/// It has no words for a process that ended.
pub(super) fn does(work: Work) -> bool {
    match work {
        Work::Calls { .. } | Work::Payload { .. } | Work::InPlace { .. } => true,
        Work::Submit { busy, .. } => !busy,
        Work::Crash | Work::Kill => false,
    }
}

pub(super) fn build(site: &Site<'_>) -> Result<Box<dyn Side>> {
    let (sender, answers) = ipc::channel()?;
    let mut this = Channels {
        asks: Vec::new(),
        answers,
        children: Vec::new(),
        next: 0,
        bytes: None,
        shared: None,
    };
    for _ in 0..site.workers {
        let (server, name) = IpcOneShotServer::<IpcSender<Ask>>::new()?;
        this.children.push(Task::IpcChannel.command()?.arg(name).spawn()?);
        let (_, asks) = server.accept()?;
        asks.send(Ask::Answers(sender.clone()))?;
        this.asks.push(asks);
        let Answer::Ready = this.answers.recv()? else { bail!("a worker is not ready") };
    }
    Ok(Box::new(this))
}

/// A worker process, until its parent is gone.
pub(in crate::process) fn work(name: &str) -> Result<()> {
    let (sender, asks) = ipc::channel::<Ask>()?;
    IpcSender::connect(name.to_owned())?.send(sender)?;
    let Ask::Answers(answers) = asks.recv()? else { bail!("nowhere to answer to") };
    answers.send(Answer::Ready)?;
    // Where none comes any more, the parent is gone.
    while let Ok(ask) = asks.recv() {
        answers.send(match ask {
            Ask::Answers(_) => Answer::Ready,
            Ask::Echo(small) => Answer::Echo(small),
            Ask::EchoBytes(bytes) => Answer::Bytes(bytes),
            Ask::EchoShared(shared) => {
                look_at(&shared);
                Answer::Shared(shared)
            }
            Ask::Take(bytes) => Answer::Took(bytes.len()),
        })?;
    }
    Ok(())
}

impl Channels {
    /// To the workers in turn.
    fn ask(&mut self, ask: Ask) -> Result<()> {
        self.next = (self.next + 1) % self.asks.len();
        self.asks[self.next].send(ask).context("calls failed: a worker is gone")
    }

    fn payload(&mut self, len: usize) -> Result<Duration> {
        let bytes = self.bytes.take().unwrap_or_else(|| ByteBuf::from(vec![1; len]));
        let began = Instant::now();
        self.ask(Ask::EchoBytes(bytes))?;
        let Answer::Bytes(bytes) = self.answers.recv()? else { bail!("not the bytes") };
        self.bytes = Some(bytes);
        Ok(began.elapsed())
    }

    /// The same memory again and again, as offloop's.
    fn in_place(&mut self, len: usize) -> Result<Duration> {
        let shared = self.shared.take().unwrap_or_else(|| IpcSharedMemory::from_byte(1, len));
        let began = Instant::now();
        self.ask(Ask::EchoShared(shared))?;
        let Answer::Shared(shared) = self.answers.recv()? else { bail!("not the memory") };
        self.shared = Some(shared);
        Ok(began.elapsed())
    }

    fn submit(&mut self, bytes: usize) -> Result<Duration> {
        let payload = ByteBuf::from(vec![0; bytes]);
        thread::sleep(FALL_ASLEEP);
        let began = Instant::now();
        self.ask(Ask::Take(payload))?;
        let took = began.elapsed();
        let Answer::Took(took_bytes) = self.answers.recv()? else { bail!("not a length") };
        if took_bytes != bytes {
            bail!("{took_bytes} bytes came of {bytes}");
        }
        Ok(took)
    }
}

impl Steps for Channels {
    fn send(&mut self) -> Result<()> {
        self.ask(Ask::Echo(Small::SAMPLE))
    }

    fn take(&mut self) -> Result<u64> {
        match self.answers.recv()? {
            Answer::Echo(_) => Ok(1),
            _ => bail!("not the answer"),
        }
    }
}

impl Side for Channels {
    fn block(&mut self, work: Work, calls: u64) -> Result<f64> {
        match work {
            Work::Calls { in_flight } => steps::calls(self, calls, in_flight),
            Work::Payload { bytes } => median_of(calls, || self.payload(bytes)),
            Work::InPlace { bytes } => median_of(calls, || self.in_place(bytes)),
            Work::Submit { bytes, .. } => median_of(calls, || self.submit(bytes)),
            Work::Crash | Work::Kill => bail!("ipc-channel does no {work:?}"),
        }
    }
}

impl Drop for Channels {
    fn drop(&mut self) {
        self.asks.clear();
        for child in &mut self.children {
            // It may have ended already; a child that is not waited for stays a zombie.
            let _ended = child.kill();
            let _reaped = child.wait();
        }
    }
}
