//! offloop on a GLib main loop: the offloop's own descriptor as a source of a [`MainContext`],
//! which delivers on the thread of that context.
//!
//! Invariant: other threads touch the descriptor alone, nothing of GLib's. So a wake can't fail,
//! and one for a loop that is gone does nothing.
//!
//! ```
//! use std::{cell::RefCell, rc::Rc};
//! use glib::{MainContext, MainLoop};
//! use offloop::Offloop;
//!
//! #[derive(Default)]
//! struct App { answer: Option<u64> } // and your widgets
//!
//! let context = MainContext::default();
//! let app = Rc::new(RefCell::new(App::default()));
//! let off = Offloop::<Rc<RefCell<App>>>::builder().fd_waker().build()?;
//! let _source = offloop_glib::attach(&off, &context, {
//!     let (off, mut app) = (off.clone(), app.clone());
//!     move || off.deliver(&mut app)
//! })?;
//!
//! let main_loop = MainLoop::new(Some(&context), false);
//! let window = main_loop.clone();
//! off.call(|| (1..=20).product::<u64>()).cores().then(move |app, outcome| {
//!     app.borrow_mut().answer = outcome.ok(); // borrowed for this line
//!     window.quit();                          // a dialog that waits could stand here
//! });
//! main_loop.run();
//! assert_eq!(app.borrow().answer, Some(2_432_902_008_176_640_000));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # The state of handlers that wait
//!
//! A handler may run a main loop of its own, as a modal dialog does. Its buttons want the state too,
//! so the state that `deliver` lends is a handle: an `Rc<RefCell<App>>`, as above, or a widget of
//! your own class. A handler borrows it for a line, and not across the dialog. Meanwhile GLib leaves
//! this source out, and a `deliver` by hand runs nothing and says `more`; what is ready waits until
//! the handler returns.
//!
//! Where no handler waits, `off.deliver(&mut app.borrow_mut())` lends an `App` itself, and
//! handlers are its methods: `.then(App::on_price)`.
//!
//! # Panics
//!
//! A handler is called through C, which can't be unwound: one that panics says so and aborts the
//! program, as every callback of gtk-rs does. A function that panics off the loop is an outcome.

#![forbid(unsafe_code)]

use std::fmt;
use std::io;
use std::marker::PhantomData;
use std::os::fd::{AsRawFd, OwnedFd};
use std::rc::Rc;

use glib::thread_guard::ThreadGuard;
use glib::{ControlFlow, IOCondition, MainContext, Priority, Source};
use offloop::Offloop;

/// The priority of [`attach`]: below GTK's events (0), layout (110) and painting (120), so that a
/// storm of results stalls neither the keys nor the screen; among other idle work.
pub const PRIORITY: Priority = Priority::DEFAULT_IDLE;

/// [`attach_with_priority`], with [`PRIORITY`].
///
/// # Errors
/// As there.
pub fn attach<S: 'static, R>(
    off: &Offloop<S>,
    context: &MainContext,
    deliver: impl FnMut() -> R + 'static,
) -> io::Result<OffloopSource> {
    attach_with_priority(off, context, PRIORITY, deliver)
}

/// [`attach`] to this thread's default context, where each turn lends `state` to the handlers.
///
/// A state that is a handle, as a widget is or an `Rc<RefCell<App>>`, is given as a clone. The
/// source holds it and a clone of `off`, so the offloop lives as long as its source.
///
/// ```
/// # use glib::MainLoop;
/// # use offloop::Offloop;
/// let window = MainLoop::new(None, false);
/// let off = Offloop::builder().fd_waker().build()?;
/// offloop_glib::attach_state(&off, window.clone())?.keep();
///
/// off.call(|| 20 + 1).then(|window, outcome| {
///     assert_eq!(outcome.ok(), Some(21));
///     window.quit();
/// });
/// window.run();
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// As [`attach_with_priority`].
pub fn attach_state<S: 'static>(off: &Offloop<S>, mut state: S) -> io::Result<OffloopSource> {
    let lender = off.clone();
    attach(off, &MainContext::ref_thread_default(), move || lender.deliver(&mut state))
}

/// Calls `deliver` in `context`, on this thread, whenever `off` asks for a turn.
///
/// `off` was built with [`fd_waker`](offloop::Builder::fd_waker). `deliver` calls
/// [`Offloop::deliver`]; one call is enough, and what a turn leaves over asks for the next one.
///
/// * **Thread**: this one has to be the one that runs `context`. Should another one run it later,
///   the program ends with GLib's message about a value of another thread.
/// * **Priority**: of the turns. With one above 120 (a smaller number) many results can hold up
///   GTK's painting, by the budget of a turn each time.
/// * **Several**: any number of offloops may be attached to one context.
/// * **Drop**: the source holds `deliver` and what that captured, nothing of `off`. A state that
///   owns this source and is captured there would never be dropped: capture a `Weak`.
///
/// # Errors
/// `InvalidInput` when the offloop has no descriptor; `ResourceBusy` when another thread runs the
/// context; the system's when it has no more descriptors.
pub fn attach_with_priority<S: 'static, R>(
    off: &Offloop<S>,
    context: &MainContext,
    priority: Priority,
    mut deliver: impl FnMut() -> R + 'static,
) -> io::Result<OffloopSource> {
    let fd = off.as_fd().ok_or_else(|| {
        let sentence = "this offloop has no descriptor to watch: build it with fd_waker()";
        io::Error::new(io::ErrorKind::InvalidInput, sentence)
    })?;
    let _acquired = context.acquire().map_err(|_| {
        let sentence = "another thread runs this main context: attach the offloop there";
        io::Error::new(io::ErrorKind::ResourceBusy, sentence)
    })?;
    // One of its own: GLib goes on watching when the offloop is dropped before the source.
    let fd = fd.try_clone_to_owned()?;
    let turn = move || {
        deliver();
    };
    let mut turn = ThreadGuard::new(Box::new(turn) as Box<dyn FnMut()>);
    let on_ready = move |_, seen: IOCondition| {
        if seen != IOCondition::IN {
            // The other end of a pipe is closed: the offloop is gone, and this would never end.
            return ControlFlow::Break;
        }
        turn.get_mut()();
        ControlFlow::Continue
    };
    let (raw, name) = (fd.as_raw_fd(), Some("offloop"));
    let source = glib_unix::fd_source_new(raw, IOCondition::IN, name, priority, on_ready);
    source.attach(Some(context));
    Ok(OffloopSource { source, context: context.clone(), fd, here: PhantomData })
}

/// A watched [`Offloop`]. Dropped, it leaves its context, and no turn begins any more.
///
/// It keeps the context, which therefore ends after it, and on any thread.
#[must_use = "dropped, it delivers no more"]
pub struct OffloopSource {
    source: Source,
    context: MainContext,
    /// Closed after the source is out of the context.
    fd: OwnedFd,
    /// What the source calls is dropped with it, and belongs to this thread.
    here: PhantomData<Rc<()>>,
}

impl OffloopSource {
    /// The context that it is attached to.
    pub fn context(&self) -> &MainContext {
        &self.context
    }

    /// Stays attached for the rest of the program, and needs no place to be kept.
    pub fn keep(self) {
        std::mem::forget(self);
    }
}

impl Drop for OffloopSource {
    fn drop(&mut self) {
        self.source.destroy();
    }
}

impl fmt::Debug for OffloopSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let priority = self.source.priority();
        f.debug_struct("OffloopSource").field("fd", &self.fd).field("priority", &priority).finish()
    }
}

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
