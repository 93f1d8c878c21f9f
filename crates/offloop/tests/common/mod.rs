//! What the tests of the guarantees share: a small event loop, probes, and waits that end.
//!
//! Invariant: every wait is on a condition and ends with a panic after [`PATIENCE`], so that a
//! slow machine changes no verdict and a hang is a failure.

#![allow(dead_code)] // each test program uses a part of it

pub(crate) mod alone;
pub(crate) mod block_on;
pub(crate) mod probes;

use std::panic::resume_unwind;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{self, Receiver};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use offloop::{Builder, Context, Delivered, Failure, Offloop, Outcome, Turn};

/// How long a wait may last before it counts as a hang.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// A loop on a `std::sync::mpsc` queue, whose only event is offloop's wake.
///
/// It delivers when it was woken and at no other time, so a wake that is lost is a hang.
pub(crate) struct TestLoop<S: 'static> {
    pub(crate) off: Offloop<S>,
    events: Receiver<()>,
    wakes: Arc<AtomicUsize>,
}

impl<S: 'static> TestLoop<S> {
    pub(crate) fn new() -> Self {
        Self::with(|builder| builder)
    }

    pub(crate) fn with(configure: impl FnOnce(Builder<S>) -> Builder<S>) -> Self {
        let (sender, events) = mpsc::channel();
        let wakes = Arc::new(AtomicUsize::new(0));
        let counted = wakes.clone();
        let builder = Offloop::builder().waker(move || {
            counted.fetch_add(1, Ordering::SeqCst);
            // The loop may be gone; then there is nobody to wake.
            let _gone = sender.send(());
        });
        // On a slow machine one handler would use up the time of a turn that a test counts on.
        let builder = builder.turn(Turn { max_time: Duration::MAX, ..Turn::default() });
        let off = configure(builder).build().expect("an offloop can be built");
        Self { off, events, wakes }
    }

    /// One turn, woken or not.
    pub(crate) fn turn(&self, state: &mut S) -> Delivered {
        self.off.deliver(state)
    }

    /// Waits for a wake, then does one turn.
    pub(crate) fn woken_turn(&self, state: &mut S) -> Delivered {
        self.events.recv_timeout(PATIENCE).expect("the loop is woken");
        self.off.deliver(state)
    }

    /// Does turns, each after a wake, until `done`.
    pub(crate) fn run_until(&self, state: &mut S, done: impl Fn(&S) -> bool) {
        while !done(state) {
            self.woken_turn(state);
        }
    }

    /// Takes one wake that has come, if there is one.
    pub(crate) fn take_wake(&self) -> bool {
        self.events.try_recv().is_ok()
    }

    /// How many wakes came in all.
    pub(crate) fn wakes(&self) -> usize {
        self.wakes.load(Ordering::SeqCst)
    }
}

/// The state of most tests: the outcomes in the order of their handlers.
pub(crate) type Seen<T> = Vec<Outcome<T>>;

/// A handler that keeps its outcome.
pub(crate) fn keep<T>(seen: &mut Seen<T>, outcome: Outcome<T>) {
    seen.push(outcome);
}

impl<T: Send + 'static> TestLoop<Seen<T>> {
    /// Runs the loop until `count` handlers have kept their outcomes.
    pub(crate) fn outcomes(&self, count: usize) -> Seen<T> {
        let mut seen = Vec::new();
        self.run_until(&mut seen, |seen| seen.len() >= count);
        assert_eq!(seen.len(), count, "no handler runs twice");
        seen
    }

    /// Runs the loop until one handler has kept its outcome.
    pub(crate) fn outcome(&self) -> Outcome<T> {
        self.outcomes(1).remove(0)
    }
}

/// Has a deadline pass while the call's function is inside: with a longer one each time, until one
/// did not pass on the way there. Says how many were in vain; their jobs are dropped unrun.
pub(crate) fn overrun<T, J>(lp: &TestLoop<Seen<T>>, cores: bool, job: impl Fn() -> J) -> usize
where
    T: Send + 'static,
    J: FnOnce(&Context) -> T + Send + 'static,
{
    overrun_by(|entry, time| {
        let job = job();
        let call = lp.off.call_with(move |cx| {
            entry.enter();
            job(cx)
        });
        let call = if cores { call.cores() } else { call };
        call.name("overrun").deadline(time).then(keep);
        let outcome = lp.outcome();
        assert!(matches!(outcome, Err(Failure::TimedOut)), "it stays inside");
    })
}

/// The same for whatever call `submit` makes with such a deadline; its function has the entry, and
/// says when it is inside.
pub(crate) fn overrun_by(submit: impl Fn(Entry, Duration)) -> usize {
    for attempt in 0..10 {
        let (entered, gone) = (Count::new(), Count::new());
        let entry = Entry { entered: entered.clone(), gone: gone.clone() };
        submit(entry, Duration::from_millis(20 << attempt));
        wait_until(|| entered.get() + gone.get() > 0);
        if entered.get() == 1 {
            return attempt;
        }
    }
    panic!("no call got to its function within ten seconds");
}

/// Says whether a function was entered, or dropped unrun.
pub(crate) struct Entry {
    entered: Count,
    gone: Count,
}

impl Entry {
    pub(crate) fn enter(&self) {
        self.entered.add();
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        self.gone.add();
    }
}

/// Waits until `condition` holds.
#[track_caller]
pub(crate) fn wait_until(condition: impl FnMut() -> bool) {
    wait_for("the condition holds", condition);
}

#[track_caller]
pub(crate) fn wait_for(what: &str, mut condition: impl FnMut() -> bool) {
    let until = Instant::now() + PATIENCE;
    while !condition() {
        assert!(Instant::now() < until, "waited in vain until {what}");
        thread::sleep(Duration::from_millis(1));
    }
}

/// Panics without a word on stderr.
pub(crate) fn explode(message: &'static str) -> ! {
    resume_unwind(Box::new(message))
}

/// What functions wait for, inside a call. Clones are the same latch.
#[derive(Clone, Default)]
pub(crate) struct Latch {
    gate: Arc<(Mutex<bool>, Condvar)>,
    /// How many have come to it so far.
    pub(crate) entered: Count,
}

impl Latch {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    pub(crate) fn open(&self) {
        *self.gate.0.lock().unwrap() = true;
        self.gate.1.notify_all();
    }

    /// Returns once the latch is open; never, if nobody opens it.
    pub(crate) fn pass(&self) {
        self.entered.add();
        let mut open = self.gate.0.lock().unwrap();
        while !*open {
            open = self.gate.1.wait(open).unwrap();
        }
    }

    /// A function that is held here, and then gives `value`.
    pub(crate) fn holding<T: Send + 'static>(
        &self,
        value: T,
    ) -> impl FnOnce() -> T + Send + use<T> {
        let latch = self.clone();
        move || {
            latch.pass();
            value
        }
    }
}

/// A number that threads count up, to be waited for.
#[derive(Clone, Default)]
pub(crate) struct Count(Arc<AtomicUsize>);

impl Count {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    pub(crate) fn add(&self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }

    pub(crate) fn get(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }

    #[track_caller]
    pub(crate) fn wait(&self, at_least: usize) {
        wait_for("enough were counted", || self.get() >= at_least);
    }
}

/// Occupies workers of a pool until it is opened.
///
/// Where a pool has no more workers, the outcomes of all earlier calls are by then where a turn finds
/// them: a call counts as finished, and its ticket as done, a moment before.
pub(crate) struct Hold(Latch);

impl Hold {
    /// Returns once `count` workers are inside a function that waits.
    pub(crate) fn threads<S: 'static>(off: &Offloop<S>, count: usize) -> Self {
        let latch = Latch::new();
        for _ in 0..count {
            off.call(latch.holding(())).name("held").detach();
        }
        latch.entered.wait(count);
        Self(latch)
    }

    /// The same with one worker of the thread pool and one of the cores.
    pub(crate) fn pools<S: 'static>(off: &Offloop<S>) -> Self {
        let latch = Latch::new();
        off.call(latch.holding(())).name("held").detach();
        off.call(latch.holding(())).cores().name("held").detach();
        latch.entered.wait(2);
        Self(latch)
    }

    pub(crate) fn open(&self) {
        self.0.open();
    }
}

/// A test that fails lets the workers go, too.
impl Drop for Hold {
    fn drop(&mut self) {
        self.open();
    }
}
