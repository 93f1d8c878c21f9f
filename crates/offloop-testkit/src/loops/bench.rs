//! A rig at work. Invariant: a round that slept all of its patience away, and time that passes
//! without anything happening, are verdicts; so no check waits for a loop without end.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread;
use std::time::{Duration, Instant};

use offloop::{Builder, Offloop, Turn};

use super::rig::{AddSecond, GoRound, LoopRig, LoopSuite, Post, Round};
use super::state::LoopState;
use crate::promise::{Promise, broken};

/// A turn that ends by its calls alone.
pub(super) fn turn_of(max_calls: usize) -> Turn {
    Turn { max_calls, max_time: Duration::from_secs(3600) }
}

pub(super) struct Bench {
    /// `None` once the loop is gone.
    go_round: Option<GoRound>,
    post: Option<Post>,
    add_second: Option<AddSecond>,
    offloops: Vec<Offloop<LoopState>>,
    pub(super) state: LoopState,
    pub(super) patience: Duration,
}

impl Promise {
    /// Checks it on a loop of the suite.
    #[track_caller]
    pub(super) fn on_loop(
        &self,
        suite: &LoopSuite,
        configure: impl FnOnce(Builder<LoopState>) -> Builder<LoopState> + Send + 'static,
        body: impl FnOnce(&mut Bench) + Send + 'static,
    ) {
        let limit = 6 * suite.patience;
        let (make, patience) = (suite.make.clone(), suite.patience);
        let run = move || {
            let LoopRig { off, go_round, post, add_second } = make(configure(Offloop::builder()));
            let (go_round, offloops, state) = (Some(go_round), vec![off], LoopState::default());
            body(&mut Bench { go_round, post, add_second, offloops, state, patience });
        };
        if suite.here { self.check_here(limit, run) } else { self.check(limit, run) }
    }
}

impl Bench {
    pub(super) fn off(&self) -> &Offloop<LoopState> {
        &self.offloops[0]
    }

    /// One round of the loop; says how long it took.
    pub(super) fn round(&mut self, patience: Duration) -> Duration {
        let began = Instant::now();
        let Self { go_round, offloops, state, .. } = self;
        if let Some(go_round) = go_round {
            go_round(&mut Round { offloops, state }, patience);
        }
        began.elapsed()
    }

    /// Rounds until `done`, each in good time.
    pub(super) fn run_until(&mut self, wanted: &str, done: impl Fn(&LoopState) -> bool) {
        let mut progress = (self.state.handled(), Instant::now());
        while !done(&self.state) {
            let took = self.round(self.patience);
            if took >= self.patience {
                let pending = self.offloops.iter().map(Offloop::pending).sum::<usize>();
                broken!(
                    "the loop slept for {took:.1?} while the check waited until {wanted}; {pending} \
                     calls were not delivered, so a wake was lost"
                );
            }
            if self.state.handled() != progress.0 {
                progress = (self.state.handled(), Instant::now());
            } else if progress.1.elapsed() > 2 * self.patience {
                broken!(
                    "the loop goes round and delivers nothing while the check waits until {wanted}"
                );
            }
        }
    }

    pub(super) fn run_until_handled(&mut self, count: usize) {
        self.run_until(&format!("{count} outcomes are handled"), |state| state.handled() >= count);
        let handled = self.state.handled();
        if handled != count {
            broken!("{handled} outcomes were handled where {count} calls were made");
        }
    }

    /// One round; says whether a handler unwound out of it.
    pub(super) fn round_unwinds(&mut self) -> bool {
        let patience = self.patience;
        catch_unwind(AssertUnwindSafe(|| self.round(patience))).is_err()
    }

    /// The rig's way to give the loop an event of its own.
    pub(super) fn post(&self) -> Post {
        match self.post.clone() {
            Some(post) => post,
            None => broken!(
                "the rig names no way to give the loop an event of its own: add \
                 LoopRig::own_events(..), or leave the promise out with `without: [..]`"
            ),
        }
    }

    /// Puts a second offloop on the loop.
    pub(super) fn add_second(&mut self) -> Offloop<LoopState> {
        match self.add_second.take() {
            Some(add) => {
                let off = add(Offloop::builder());
                self.offloops.push(off.clone());
                off
            }
            None => broken!(
                "the rig names no way to put a second offloop on the loop: add \
                 LoopRig::second(..), or leave the promise out with `without: [..]`"
            ),
        }
    }

    /// Ends the second offloop.
    pub(super) fn drop_second(&mut self) {
        self.offloops.truncate(1);
    }

    /// Ends the loop; its offloop stays.
    pub(super) fn drop_loop(&mut self) {
        drop((self.go_round.take(), self.post.take(), self.add_second.take()));
    }

    /// Ends the offloop; the loop stays.
    pub(super) fn drop_offloop(&mut self) {
        self.offloops.clear();
    }

    /// Waits, without the loop, until `condition`.
    pub(super) fn wait(&self, wanted: &str, mut condition: impl FnMut() -> bool) {
        let until = Instant::now() + self.patience;
        while !condition() {
            if Instant::now() >= until {
                broken!("the check waited {:?} in vain until {wanted}", self.patience);
            }
            thread::sleep(Duration::from_millis(1));
        }
    }
}
