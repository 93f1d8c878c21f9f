//! How a loop is brought to the suite. Invariant: the suite touches the loop through the rig's
//! closures alone, on the thread that made it.

use std::sync::Arc;
use std::time::Duration;

use offloop::{Builder, Delivered, Offloop};

use super::state::LoopState;

pub(super) type GoRound = Box<dyn FnMut(&mut Round<'_>, Duration)>;
pub(super) type AddSecond = Box<dyn FnOnce(Builder<LoopState>) -> Offloop<LoopState>>;
pub(super) type Post = Arc<dyn Fn() + Send + Sync>;

/// A loop with an offloop on it, made anew for each promise.
///
/// ```
/// use std::sync::mpsc;
/// use offloop_testkit::LoopRig;
///
/// offloop_testkit::loop_suite!(|builder| {
///     let (events, queue) = mpsc::channel();
///     let (own, another) = (events.clone(), events.clone());
///     let off = builder.waker(move || events.send("offloop")).build().unwrap();
///     LoopRig::new(off, move |round, patience| match queue.recv_timeout(patience) {
///         Ok("offloop") => {
///             round.deliver();
///         }
///         Ok(_) => round.own_event(),
///         Err(_) => {}
///     })
///     .own_events(move || own.send("own"))
///     .second(move |builder| builder.waker(move || another.send("offloop")).build().unwrap())
/// });
/// # fn main() {}
/// ```
pub struct LoopRig {
    pub(super) off: Offloop<LoopState>,
    pub(super) go_round: GoRound,
    pub(super) post: Option<Post>,
    pub(super) add_second: Option<AddSecond>,
}

impl LoopRig {
    /// A loop which `off` was built for. `go_round` owns the loop and lets it go round once: it
    /// waits for events, for `patience` at the most, and handles those that came. Where the loop
    /// is asked for a turn it calls [`Round::deliver`], and nowhere else, so that a wake which does
    /// not arrive is seen.
    pub fn new(
        off: Offloop<LoopState>,
        go_round: impl FnMut(&mut Round<'_>, Duration) + 'static,
    ) -> Self {
        Self { off, go_round: Box::new(go_round), post: None, add_second: None }
    }

    /// How any thread gives the loop an event that is not offloop's: a message, a byte in a
    /// socket, a timer. The loop answers each with [`Round::own_event`]; it may take several for
    /// one. A loop that polls has such an event each time round, and needs nothing here to happen.
    pub fn own_events<R>(mut self, post: impl Fn() -> R + Send + Sync + 'static) -> Self {
        self.post = Some(Arc::new(move || {
            post();
        }));
        self
    }

    /// How another offloop is put on the same loop. [`Round::deliver`] delivers both.
    pub fn second(
        mut self,
        add: impl FnOnce(Builder<LoopState>) -> Offloop<LoopState> + 'static,
    ) -> Self {
        self.add_second = Some(Box::new(add));
        self
    }
}

/// What a loop that goes round calls.
pub struct Round<'a> {
    pub(super) offloops: &'a [Offloop<LoopState>],
    pub(super) state: &'a mut LoopState,
}

impl Round<'_> {
    /// One turn: the loop was woken for offloop. Of two offloops, it says what both did.
    pub fn deliver(&mut self) -> Delivered {
        let mut both = Delivered::default();
        for off in self.offloops {
            let one = off.deliver(self.state);
            both.count += one.count;
            both.more |= one.more;
            self.state.most_in_a_turn = self.state.most_in_a_turn.max(one.count);
        }
        both
    }

    /// An event of the loop's own came.
    pub fn own_event(&mut self) {
        self.state.own_events += 1;
    }
}

/// How long a check waits before it calls something lost.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

/// A loop under test: how to make its rig, and how long to wait for it.
#[derive(Clone)]
pub struct LoopSuite {
    pub(super) make: Arc<dyn Fn(Builder<LoopState>) -> LoopRig + Send + Sync>,
    pub(super) patience: Duration,
    pub(super) here: bool,
}

impl LoopSuite {
    /// `make` makes the loop, and builds an offloop on it from the builder that it is given.
    pub fn new(make: impl Fn(Builder<LoopState>) -> LoopRig + Send + Sync + 'static) -> Self {
        Self { make: Arc::new(make), patience: PATIENCE, here: false }
    }

    /// How long a check waits before it calls a wake or an event lost; 10 s by default.
    pub fn patience(mut self, time: Duration) -> Self {
        self.patience = time;
        self
    }

    /// Runs the checks on the calling thread instead of one of their own. A check that hangs then
    /// ends the program.
    pub(super) fn on_this_thread(mut self) -> Self {
        self.here = true;
        self
    }
}
