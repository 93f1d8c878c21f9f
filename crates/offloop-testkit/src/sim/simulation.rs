//! The loop's side of the simulation. Invariant: `deliver` is called here and nowhere else, after a
//! wake that arrived or as a turn that nobody asked for.

use std::borrow::Cow;
use std::cell::{Cell, RefCell};
use std::fmt::{self, Write as _};
use std::rc::Rc;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::{Duration, Instant};

use offloop::{Builder, ManualClock, Offloop, Ticket, Turn};

use super::executor::ManualExecutor;
use super::trace::Step;
use super::world::{End, World};

/// A simulated loop with an offloop on it; see the [module](super).
pub struct Sim<S: 'static> {
    seed: u64,
    /// `None` when the test has dropped it.
    off: Option<Offloop<S>>,
    world: Rc<World>,
    turns: Rc<Cell<u64>>,
}

thread_local! {
    /// The simulation whose functions run on this thread.
    static CURRENT: RefCell<Option<Rc<World>>> = const { RefCell::new(None) };
}

/// A moment inside a function at which the simulation goes on: others finish, time passes, a ticket
/// is cancelled. In a function that runs elsewhere it does nothing.
pub fn pause() {
    let current = CURRENT.with_borrow(|current| current.clone());
    if let Some(world) = current {
        for _ in 0..world.below(3) {
            world.happen(false);
        }
    }
}

impl<S: 'static> Sim<S> {
    /// The simulation that `seed` stands for.
    pub fn new(seed: u64) -> Self {
        Self::with(seed, |builder| builder)
    }

    /// The same, with options of your own: a hook, a turn's budget, limits.
    ///
    /// # Panics
    /// If no offloop can be built with them.
    pub fn with(seed: u64, configure: impl FnOnce(Builder<S>) -> Builder<S>) -> Self {
        let world = Rc::new(World::new(seed));
        let max_calls = [1, 2, 3, 1024][world.below(4)];
        // The machine's time has no say in a simulation.
        let turn = Turn { max_calls, max_time: Duration::from_secs(86_400) };
        let posted = world.posted.clone();
        let builder = Offloop::builder()
            .turn(turn)
            .waker(move || posted.fetch_add(1, Ordering::SeqCst))
            .clock(&world.clock)
            .threads_on(world.executor(0))
            .cores_on(world.executor(1));
        let off = configure(builder).build().expect("the options make an offloop");
        let (weak, ended) = (off.downgrade(), Rc::downgrade(&world));
        *world.ender.borrow_mut() = Some(Rc::new(move |end| {
            if let (Some(off), Some(world)) = (weak.upgrade(), ended.upgrade()) {
                end_now(&off, &world, end);
            }
        }));
        CURRENT.set(Some(world.clone()));
        Self { seed, off: Some(off), world, turns: Rc::default() }
    }

    /// The seed.
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// The offloop, for the state and the handlers.
    ///
    /// # Panics
    /// After [`drop_offloop`](Self::drop_offloop), as all that needs one.
    pub fn offloop(&self) -> Offloop<S> {
        self.off().clone()
    }

    #[track_caller]
    fn off(&self) -> &Offloop<S> {
        self.off.as_ref().expect("the test dropped the simulation's offloop, and then asked for it")
    }

    /// Drops the simulation's own clone. With the state's, which the test drops, it is the last
    /// one: no turn comes any more.
    pub fn drop_offloop(&mut self) {
        self.say("the simulation drops its offloop");
        self.off = None;
    }

    /// The clock by which deadlines go.
    pub fn clock(&self) -> &ManualClock {
        &self.world.clock
    }

    /// What runs `.threads()` calls.
    pub fn threads(&self) -> ManualExecutor {
        self.world.executor(0)
    }

    /// What runs `.cores()` calls.
    pub fn cores(&self) -> ManualExecutor {
        self.world.executor(1)
    }

    /// The number of the turn that runs, or ran last; a clone for the state is the same counter.
    pub fn turns(&self) -> Rc<Cell<u64>> {
        self.turns.clone()
    }

    /// A number below `count` by the seed, for choices of the test's own.
    ///
    /// # Panics
    /// If `count` is 0.
    pub fn below(&self, count: usize) -> usize {
        self.world.below(count)
    }

    /// Adds a line to the steps that a failure prints.
    pub fn say(&self, text: impl Into<Cow<'static, str>>) {
        self.world.log(Step::Says(text.into()));
    }

    /// From now on the ticket may be cancelled at any time.
    pub fn may_cancel(&self, ticket: &Ticket) {
        self.world.add_ticket(ticket);
    }

    /// From now on the offloop may be closed at any time, once.
    pub fn may_close(&self) {
        self.world.end.set(Some(End::Close));
    }

    /// From now on the offloop may be shut down at any time, once.
    pub fn may_shut_down(&self) {
        self.world.end.set(Some(End::Shutdown));
    }

    /// Closes the offloop now, and waits until the calls that wait are told.
    pub fn close(&self) {
        end_now(self.off(), &self.world, End::Close);
    }

    /// Lets time pass; the deadlines in it pass, too.
    pub fn advance(&self, by: Duration) {
        self.world.advance(by);
    }

    /// One step: something happens off the loop, or the loop goes round. Says whether anything
    /// could happen that is on its way.
    pub fn step(&mut self, state: &mut S) -> bool {
        self.step_or(state, false)
    }

    /// A few steps, or none: what may happen between two inputs.
    pub fn some(&mut self, state: &mut S) {
        for _ in 0..self.world.below(7) {
            self.step(state);
        }
    }

    /// Steps until every call is delivered.
    ///
    /// # Panics
    /// If that never comes to pass: the program would wait for ever. The message names the calls
    /// that are left.
    pub fn run(&mut self, state: &mut S) {
        while self.off().pending() > 0 {
            self.step_or_stuck(state, "every call is delivered");
        }
    }

    /// Steps until `done`.
    ///
    /// # Panics
    /// If that never comes to pass, as in [`run`](Self::run).
    pub fn run_until(&mut self, state: &mut S, done: impl Fn(&S) -> bool) {
        while !done(state) {
            self.step_or_stuck(state, "the test's condition holds");
        }
    }

    /// The steps so far, a line each.
    pub fn trace(&self) -> String {
        self.world.trace.borrow().to_string()
    }

    fn step_or_stuck(&mut self, state: &mut S, goal: &str) {
        if self.step(state) {
            return;
        }
        // A thread of offloop's own may be at it: the keeper after `close`, a resource's. Counted in
        // looks: what stops this thread may stop that one for as long.
        for _ in 0..500 {
            thread::sleep(Duration::from_millis(1));
            if self.step_or(state, true) {
                return;
            }
        }
        panic!("this would block for ever: nothing is left to happen before {goal}{}", self.left());
    }

    /// The calls that are not delivered, a line each.
    fn left(&self) -> String {
        let mut left = String::new();
        for call in self.off().waiting() {
            let name = call.name.as_deref().unwrap_or("a call without a name");
            let state = if call.decided {
                "its outcome is decided, and no wake came for it"
            } else {
                "nothing that could decide it is on its way"
            };
            // Writing to a string can't fail.
            let _always_ok = write!(left, "\n  `{name}` of {}: {state}", call.place);
        }
        left
    }

    fn step_or(&mut self, state: &mut S, only_due: bool) -> bool {
        let world = self.world.clone();
        let due = world.due();
        let ready = world.woken.get() || world.has_posted();
        if due == 0 && !ready {
            return false;
        }
        match world.below(8) {
            // A turn that nobody asked for.
            0 if !only_due => self.turn(state, false),
            _ if world.woken.get() && (due == 0 || world.below(2) == 0) => self.turn(state, true),
            _ if world.has_posted() && (due == 0 || world.below(2) == 0) => {
                world.bring_wakes();
            }
            _ if due > 0 => {
                world.happen(only_due);
            }
            _ => {}
        }
        true
    }

    fn turn(&mut self, state: &mut S, asked: bool) {
        if asked {
            // It may come once more for nothing.
            let twice = self.world.below(8) == 0;
            self.world.woken.set(twice);
            if twice {
                self.world.log(Step::WakeRepeats);
            }
        }
        self.turns.set(self.turns.get() + 1);
        let delivered = self.off().deliver(state);
        let (count, more) = (delivered.count, delivered.more);
        self.world.log(Step::Turn { asked, count, more });
    }
}

fn end_now<S: 'static>(off: &Offloop<S>, world: &World, end: End) {
    world.end.set(None);
    if end == End::Shutdown {
        world.log(Step::ShutsDown);
        off.shutdown(Duration::ZERO);
        return;
    }
    world.log(Step::Closes);
    off.close();
    // The keeper may tell the calls that wait, on a thread of its own; the simulation goes on when
    // it has, whenever that is.
    let until = Instant::now() + Duration::from_secs(10);
    while world.has_undecided() && Instant::now() < until {
        thread::yield_now();
    }
}

impl<S: 'static> Drop for Sim<S> {
    fn drop(&mut self) {
        CURRENT.with_borrow_mut(|current| {
            if current.as_ref().is_some_and(|world| Rc::ptr_eq(world, &self.world)) {
                *current = None;
            }
        });
    }
}

impl<S: 'static> fmt::Debug for Sim<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sim").field("seed", &self.seed).finish_non_exhaustive()
    }
}
