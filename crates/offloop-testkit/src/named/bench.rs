//! An executor at work under an offloop, on a small loop, and the port where its functions report.
//! Invariant: the loop delivers when it was woken and at no other time, and each of its waits ends
//! after the patience with a verdict.

use std::collections::HashMap;
use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{self, Receiver};
use std::time::Duration;

use offloop::{Builder, ExecutorStats, Failure, Offloop, Ticket, Turn};

use super::functions::{append, echo, visit};
use super::rig::{CallFnState, CallFnSuite, keep, placed};
use crate::executors::Place;
use crate::promise::{Promise, broken};
use crate::sync::wait_for;

pub(super) struct Bench {
    pub(super) off: Offloop<CallFnState>,
    pub(super) state: CallFnState,
    pub(super) suite: CallFnSuite,
    events: Receiver<()>,
    /// Behind the offloop: a drop of it lets the functions go that are still inside.
    door: Door,
    log: Log,
}

/// A promise of an executor.
pub(super) fn promise(
    name: &'static str,
    numbers: &'static str,
    sentence: &'static str,
) -> Promise {
    Promise { of: "executor", name, numbers, sentence }
}

impl Promise {
    /// Checks it on an executor of the suite.
    #[track_caller]
    pub(super) fn on_calls(
        &self,
        suite: &CallFnSuite,
        body: impl FnOnce(&mut Bench) + Send + 'static,
    ) {
        let suite = suite.clone();
        self.check(6 * suite.patience, move || {
            let (wake, events) = mpsc::channel();
            let builder: Builder<CallFnState> = Offloop::builder().waker(move || wake.send(()));
            // On a slow machine one handler would use up the time of a turn that a check counts on.
            let builder = builder.turn(Turn { max_time: Duration::MAX, ..Turn::default() });
            let off = match (suite.configure)(builder).build() {
                Ok(off) => off,
                Err(error) => broken!("no offloop can be built with it: {error}"),
            };
            let (door, log) = (Door::new(suite.patience), Log::new());
            body(&mut Bench { off, state: CallFnState::default(), suite, events, door, log });
        });
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        // A check that failed may have left functions inside that wait for a word.
        self.door.visitors.clear();
        self.door.listener = None;
    }
}

impl Bench {
    pub(super) fn patience(&self) -> Duration {
        self.suite.patience
    }

    pub(super) fn workers(&self) -> usize {
        self.suite.workers
    }

    /// Where functions report.
    pub(super) fn port(&self) -> u16 {
        self.door.port
    }

    pub(super) fn echo(&self, value: u32) -> Ticket {
        placed!(self.suite, self.off.call_fn(echo, value)).then(keep)
    }

    /// Submits a call that leaves a line in the log.
    pub(super) fn append(&self, value: u32) -> Ticket {
        placed!(self.suite, self.off.call_fn(append, (self.log_name(), value))).then(keep)
    }

    /// Submits a call whose function reports under that number and waits to be let go.
    pub(super) fn visit(&self, number: u32) -> Ticket {
        let call = placed!(self.suite, self.off.call_fn(visit, (self.port(), number)));
        call.name("held").then(keep)
    }

    /// Has `count` workers wait inside a function, under the numbers from `first` on; on the loop
    /// itself there is none to hold, and calls wait until its next turn.
    pub(super) fn hold(&mut self, first: u32, count: usize) -> Vec<Ticket> {
        if self.suite.is_inline() {
            return Vec::new();
        }
        let numbers = first..first + count as u32;
        let held = numbers.clone().map(|number| self.visit(number)).collect();
        numbers.for_each(|number| self.await_visitor(number));
        held
    }

    /// Waits until the function of that number has begun.
    pub(super) fn await_visitor(&mut self, number: u32) {
        let (patience, door) = (self.patience(), &mut self.door);
        let inside = || door.look(number);
        wait_for(patience, inside, || format!("the function of call {number} did not begin"));
    }

    /// Whether the function of that number has begun.
    pub(super) fn has_begun(&mut self, number: u32) -> bool {
        self.door.look(number)
    }

    /// Lets a function go.
    pub(super) fn let_go(&mut self, number: u32) {
        say(self.door.visitors.get_mut(&number).expect("it is inside"));
    }

    /// Lets everybody go who is inside.
    pub(super) fn let_all_go(&mut self) {
        self.door.let_all_go();
    }

    /// Waits until the function of that number, or what it left its connection to, has ended.
    pub(super) fn await_end(&mut self, number: u32, what: &str) {
        let patience = self.patience();
        let stream = self.door.visitors.get_mut(&number).expect("it was inside");
        stream.set_nonblocking(true).expect("a socket can be asked");
        let ended = || match stream.read(&mut [0]) {
            Ok(length) => length == 0,
            Err(error) => error.kind() != ErrorKind::WouldBlock,
        };
        wait_for(patience, ended, || format!("{what} did not end"));
        self.door.visitors.remove(&number);
    }

    /// The file that functions write to.
    pub(super) fn log_name(&self) -> String {
        self.log.0.to_str().expect("a name in plain letters").to_owned()
    }

    /// What they wrote, line by line.
    pub(super) fn log(&self) -> Vec<String> {
        let text = std::fs::read_to_string(&self.log.0).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }

    /// The same as numbers.
    pub(super) fn logged(&self) -> Vec<u32> {
        self.log().iter().map(|line| line.parse().expect("a number was written")).collect()
    }

    /// The executor's load.
    pub(super) fn load(&self) -> ExecutorStats {
        let stats = self.off.stats();
        match self.suite.place {
            Place::Threads => stats.threads,
            Place::Cores => stats.cores,
            Place::Inline => stats.inline,
            Place::Process => stats.processes,
        }
    }

    /// Runs the loop until `count` outcomes are kept; there are never more.
    pub(super) fn run_until_handled(&mut self, count: usize) {
        while self.state.outcomes.len() < count {
            if self.events.recv_timeout(self.patience()).is_err() {
                let (kept, patience) = (self.state.outcomes.len(), self.patience());
                broken!("of {count} calls {kept} came back, and no other within {patience:?}");
            }
            self.off.deliver(&mut self.state);
        }
        let kept = self.state.outcomes.len();
        if kept > count {
            broken!("{kept} outcomes came of {count} calls");
        }
    }

    /// Runs the loop until no call is on its way.
    pub(super) fn run_until_idle(&mut self) {
        while self.off.pending() > 0 {
            if self.events.recv_timeout(self.patience()).is_err() {
                let (pending, patience) = (self.off.pending(), self.patience());
                broken!("{pending} calls are on their way, and none came back within {patience:?}");
            }
            self.off.deliver(&mut self.state);
        }
    }

    /// Waits until the outcome is decided, without a turn.
    pub(super) fn wait_done(&self, ticket: &Ticket, what: &str) {
        wait_for(self.patience(), || ticket.is_done(), || format!("{what} was not decided"));
    }

    /// All workers still run calls, at once.
    pub(super) fn expect_all_workers_alive(&mut self) {
        const FIRST: u32 = 1_000_000;
        let before = self.state.outcomes.len();
        if self.suite.is_inline() {
            self.echo(0);
            return self.run_until_handled(before + 1);
        }
        self.hold(FIRST, self.workers());
        let last = FIRST + self.workers() as u32;
        (FIRST..last).for_each(|number| self.let_go(number));
        self.run_until_handled(before + self.workers());
        (FIRST..last).for_each(|number| self.await_end(number, "a function that was let go"));
    }

    /// The values that came, in the order of their handlers; each failure is a verdict.
    pub(super) fn values(&self) -> Vec<u32> {
        let value = |outcome: &Result<u32, Failure>| match outcome {
            Ok(value) => *value,
            Err(failure) => broken!("a call came to {failure:?} instead of its value"),
        };
        self.state.outcomes.iter().map(value).collect()
    }

    /// Every outcome that is kept fits.
    pub(super) fn expect_all(&self, what: &str, fits: impl Fn(&Result<u32, Failure>) -> bool) {
        if let Some(other) = self.state.outcomes.iter().find(|outcome| !fits(outcome)) {
            broken!("{what} came to {other:?}");
        }
    }
}

/// Lets a function go.
fn say(stream: &mut TcpStream) {
    // It may have been stopped.
    let _gone = stream.write_all(&[1]);
}

/// Where functions come to, and are let go.
struct Door {
    listener: Option<TcpListener>,
    port: u16,
    patience: Duration,
    visitors: HashMap<u32, TcpStream>,
}

impl Door {
    fn new(patience: Duration) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port is free");
        listener.set_nonblocking(true).expect("a socket can be asked");
        let port = listener.local_addr().expect("it has one").port();
        Self { listener: Some(listener), port, patience, visitors: HashMap::new() }
    }

    fn let_all_go(&mut self) {
        self.visitors.values_mut().for_each(say);
    }

    /// Lets in who is waiting; says whether the one of that number is there.
    fn look(&mut self, number: u32) -> bool {
        while let Some(Ok((mut stream, _))) = self.listener.as_ref().map(TcpListener::accept) {
            stream.set_nonblocking(false).expect("a socket can be waited for");
            stream.set_read_timeout(Some(self.patience)).expect("a time can be set");
            let mut number = [0; 4];
            // A process that was killed on the way says nothing.
            if stream.read_exact(&mut number).is_ok() {
                self.visitors.insert(u32::from_le_bytes(number), stream);
            }
        }
        self.visitors.contains_key(&number)
    }
}

/// A file that functions write to; it ends with its check.
struct Log(PathBuf);

impl Log {
    fn new() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let next = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("offloop-suite-{}-{next}.log", std::process::id());
        Self(std::env::temp_dir().join(name))
    }
}

impl Drop for Log {
    fn drop(&mut self) {
        let _never_made = std::fs::remove_file(&self.0);
    }
}
