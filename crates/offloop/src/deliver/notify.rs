//! The wake: how a completion asks the loop for a turn, and how a turn takes that back.
//!
//! Order of effects. Completion: push, then raise; the first to raise wakes. Turn: drain the
//! descriptor, then lower, then take. `raised` is only ever read and written in one step, so a raise
//! either comes after the lowering, and wakes, or before it, and then the lowering acquires the push.
//! The descriptor is drained first: drained after the lowering, it would swallow the wake of a raise
//! in between. Model: `deliver::loom::no_wake_is_lost`.
//!
//! Invariant of a waker that panics: it loses its own request only. Those that came while it ran are
//! counted in `raised`, and the one that it failed wakes for them; later ones find it unwoken, and
//! wake. Model: `deliver::loom::a_wake_that_panics_takes_no_other_with_it`.

use std::sync::{Arc, Weak};

use crate::contain::contain;
use crate::padded::Padded;
use crate::sync::{AtomicBool, AtomicU64, Ordering};
use crate::sys::WakeFd;

/// How offloop wakes *your* loop: the one thing that a foreign loop owes.
///
/// Implemented for `Fn() -> R` closures and for [`std::task::Waker`].
///
/// * **Thread**: any thread may call it, the loop thread included.
/// * **Meaning**: some time after the call, the loop calls `deliver` on its own thread. Wakes may
///   coalesce: one turn may answer many.
/// * **Duty**: it runs no user code, does not block, and does nothing once the loop is gone.
///   One that blocks holds up deadlines, and in the end the shutdown.
/// * **Failure**: a wake that the loop never sees is lost, and outcomes wait for the next one. So
///   it must not be refused: one that posts to a bounded queue keeps a place free there. A panic
///   in it is contained and counted, and the next completion, beside it or after it, wakes again.
///
/// ```
/// # use std::sync::mpsc;
/// enum Event { Wake, Key(char) }
/// let (tx, rx) = mpsc::channel::<Event>();
/// let off = offloop::Offloop::<()>::builder()
///     .waker(move || tx.send(Event::Wake))
///     .build()?;
/// # drop((off, rx, Event::Key('a')));
/// # Ok::<(), offloop::Error>(())
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` can't wake a loop",
    note = "give a closure `move || …` that is `Send + Sync`, a `std::task::Waker`, or an adapter's waker"
)]
pub trait LoopWaker: Send + Sync + 'static {
    /// Makes the loop call `deliver` soon.
    fn wake(&self);
}

impl<F, R> LoopWaker for F
where
    F: Fn() -> R + Send + Sync + 'static,
{
    fn wake(&self) {
        self();
    }
}

impl LoopWaker for std::task::Waker {
    fn wake(&self) {
        self.wake_by_ref();
    }
}

/// Which way the loop is woken.
pub(crate) enum LoopWake {
    /// The user's own.
    Custom(Box<dyn LoopWaker>),
    /// A descriptor that becomes readable. The loop's own handle owns it, so that it closes with
    /// that; calls and handles outlive it.
    Fd(Weak<WakeFd>),
    /// The loop polls.
    None,
}

const LOWERED: u64 = 0;
/// Raised, and the waker panicked: the next to raise wakes again. What is below it counts those who
/// raised since, or since the last turn: one of 2^63 that come before a turn would be one too many.
const UNWOKEN: u64 = 1 << 63;

/// Whether somebody raised, and nobody failed to wake since.
fn is_woken(raised: u64) -> bool {
    raised & !UNWOKEN != 0
}

pub(crate) struct Notify {
    /// Who asked for a turn that has not begun: see above. Changed in one step by all; read plain only to
    /// skip a turn. What stands beside it is read by those who submit.
    raised: Padded<AtomicU64>,
    /// Set when the loop's own handle is gone: nobody is left to wake.
    silent: AtomicBool,
    waker: LoopWake,
    /// For `stats()`.
    wakes: AtomicU64,
    panics: AtomicU64,
}

impl Notify {
    pub(crate) fn new(waker: LoopWake) -> Self {
        Self {
            raised: Padded(AtomicU64::new(LOWERED)),
            silent: AtomicBool::new(false),
            waker,
            wakes: AtomicU64::new(0),
            panics: AtomicU64::new(0),
        }
    }

    /// Asks for a turn; call it *after* the push that the turn shall find.
    pub(crate) fn raise(&self) {
        let before = self.raised.fetch_add(1, Ordering::AcqRel);
        if is_woken(before) {
            return;
        }
        let mut known = before + 1;
        while !self.wake() {
            match self.raised.compare_exchange(known, UNWOKEN, Ordering::AcqRel, Ordering::Relaxed)
            {
                Ok(_) => return,
                // Others came, and left the wake to this one.
                Err(now) if now > known => known = now,
                // A turn came in between, and has seen the request.
                Err(_) => return,
            }
        }
    }

    /// Whether a turn is asked for. A `false` that is out of date is harmless: who raises wakes.
    ///
    /// A turn that nobody woke may take a request back before its wake is written; the descriptor
    /// is then readable with nothing raised, and a turn has to reset it. `fd` is that descriptor,
    /// from its owner.
    pub(crate) fn is_raised(&self, fd: Option<&WakeFd>) -> bool {
        self.raised.load(Ordering::Relaxed) != LOWERED || fd.is_some_and(WakeFd::is_set)
    }

    /// Takes the request back at the start of a turn, *before* anything is taken.
    pub(crate) fn lower(&self) {
        if let Some(fd) = self.fd() {
            fd.drain();
        }
        self.raised.swap(LOWERED, Ordering::AcqRel);
    }

    /// The loop's own handle is gone: wakes no more, and nothing is readable. A signaller that is
    /// past its look at `silent` sees to its own write.
    pub(crate) fn silence(&self) {
        self.silent.store(true, Ordering::Relaxed);
        if let Some(fd) = self.fd() {
            fd.drain();
        }
    }

    fn is_silent(&self) -> bool {
        self.silent.load(Ordering::Relaxed)
    }

    fn fd(&self) -> Option<Arc<WakeFd>> {
        match &self.waker {
            LoopWake::Fd(fd) => fd.upgrade(),
            _ => None,
        }
    }

    pub(crate) fn wakes(&self) -> u64 {
        self.wakes.load(Ordering::Relaxed)
    }

    pub(crate) fn panics(&self) -> u64 {
        self.panics.load(Ordering::Relaxed)
    }

    /// Says whether the waker returned.
    fn wake(&self) -> bool {
        if self.is_silent() {
            return true;
        }
        match &self.waker {
            LoopWake::Custom(waker) => {
                self.wakes.fetch_add(1, Ordering::Relaxed);
                if let Err(payload) = contain(|| waker.wake()) {
                    self.panics.fetch_add(1, Ordering::Relaxed);
                    crate::contain::drop_contained(payload);
                    return false;
                }
            }
            LoopWake::Fd(fd) => {
                let Some(fd) = fd.upgrade() else { return true };
                self.wakes.fetch_add(1, Ordering::Relaxed);
                fd.signal();
                if self.is_silent() {
                    fd.drain();
                }
            }
            LoopWake::None => {}
        }
        true
    }
}
