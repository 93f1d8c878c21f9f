//! A simulated loop: one thread, a clock that stands still until it is moved, and a seed that
//! decides everything which is left to chance in a real program.
//!
//! Your handlers are correct when they are correct in every order of completions, with wakes that
//! are late, doubled or merged into one, and with a cancel, a deadline or the end cutting in. A
//! real run shows one such order, and seldom the one that hurts. [`check`] runs a test under many
//! seeds; one that fails is printed with the steps it took, and can be run again alone.
//!
//! # An example
//!
//! A search field shows the hits for what was typed last. This one is wrong:
//!
//! ```
//! use offloop::Offloop;
//! use offloop_testkit::{Sim, check};
//!
//! struct App { off: Offloop<App>, shown: String }
//!
//! impl App {
//!     fn typed(&mut self, text: &'static str) {
//!         self.off
//!             .call(move || format!("hits for {text}"))
//!             .name(text)
//!             .then(|app, hits| app.shown = hits.unwrap());
//!     }
//! }
//!
//! fn shows_the_hits_for_the_last_text(sim: &mut Sim<App>) {
//!     let mut app = App { off: sim.offloop(), shown: String::new() };
//!     app.typed("a");
//!     sim.some(&mut app); // meanwhile this and that happens
//!     app.typed("ab");
//!     sim.run(&mut app); // until everything is delivered
//!     assert_eq!(app.shown, "hits for ab");
//! }
//!
//! let found = std::panic::catch_unwind(|| check(0..100, shows_the_hits_for_the_last_text));
//! let report = found.expect_err("the slow answer for `a` overwrites the one for `ab`");
//! # let report = report.downcast_ref::<String>().unwrap();
//! # assert!(report.contains("hits for a"), "{report}");
//! ```
//!
//! The report says what happened, and how to see it again:
//!
//! ```text
//! seed 3 fails: assertion `left == right` failed
//!   left: "hits for a"
//!  right: "hits for ab"
//! the steps it took:
//!    1  threads: `ab` of src/search.rs:12 runs
//!    2  the loop: a wake arrives
//!    3  the loop: a turn, woken, delivers 1
//!    4  threads: `a` of src/search.rs:12 runs
//!    5  the loop: a wake arrives
//!    6  the loop: a turn, woken, delivers 1
//! run it alone: OFFLOOP_SIM_SEED=3 cargo test
//! ```
//!
//! The cure is a policy: with `.latest("search")` on the call, an older answer is never delivered
//! after a newer one was asked for, and the same test passes under every seed.
//!
//! ```
//! # use offloop::Offloop;
//! # use offloop_testkit::{Sim, check};
//! # struct App { off: Offloop<App>, shown: String }
//! impl App {
//!     fn typed(&mut self, text: &'static str) {
//!         self.off.call(move || format!("hits for {text}")).latest("search").then(|app, hits| {
//!             if let Ok(hits) = hits {
//!                 app.shown = hits;
//!             }
//!         });
//!     }
//! }
//! # check(0..100, |sim: &mut Sim<App>| {
//! #     let mut app = App { off: sim.offloop(), shown: String::new() };
//! #     app.typed("a");
//! #     sim.some(&mut app);
//! #     app.typed("ab");
//! #     sim.run(&mut app);
//! #     assert_eq!(app.shown, "hits for ab");
//! # });
//! ```
//!
//! # What is simulated
//!
//! * **Executors**: a call's function runs when the seed says so, on the test's thread. Of the calls
//!   that one to four workers would have under way, any may finish next. [`pause`] inside a
//!   function is a moment at which others get on before it returns.
//! * **Wakes**: arrive late, together, or twice. A turn may come unasked.
//! * **Time**: the [`ManualClock`](offloop::ManualClock)'s; it moves on to a deadline when the seed
//!   says so, and otherwise stands still.
//! * **Cancels and the end**: of the tickets given to [`Sim::may_cancel`], and where
//!   [`Sim::may_close`] or [`Sim::may_shut_down`] allow it.
//!
//! When everything stands still and calls are left, the real program would wait for ever: a failure
//! that names them.
//!
//! # What is not
//!
//! A resource's calls run on its own thread. A function that waits for another call, or that sends
//! more than 64 values to `on_each_progress`, waits for a loop that stands still under it.
//!
//! Invariant: what a seed does depends on the seed and on the test, on nothing else.

mod executor;
mod seeds;
mod simulation;
mod trace;
mod world;

pub use self::executor::ManualExecutor;
pub use self::seeds::{check, check_with};
pub use self::simulation::{Sim, pause};
