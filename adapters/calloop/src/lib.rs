//! offloop on a [calloop] loop: an [`EventSource`] whose callback has the loop's own data.
//!
//! Invariant: the source holds no strong handle between two events, so offloop ends where the
//! program drops it, and never because a loop does.
//!
//! ```
//! use calloop::{EventLoop, LoopSignal};
//! use offloop::Offloop;
//!
//! struct App { off: Offloop<App>, answer: Option<u64>, signal: LoopSignal }
//!
//! let mut event_loop = EventLoop::<App>::try_new()?;
//! let (off, source) = offloop_calloop::source(Offloop::builder())?;
//! event_loop.handle().insert_source(source, |(), off, app| { off.deliver(app); })?;
//! let mut app = App { off, answer: None, signal: event_loop.get_signal() };
//!
//! app.off.call(|| (1..=20).product::<u64>()).cores().then(|app, outcome| {
//!     app.answer = outcome.ok();
//!     app.signal.stop();
//! });
//!
//! event_loop.run(None, &mut app, |_| {})?;
//! assert_eq!(app.answer, Some(2_432_902_008_176_640_000));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

#![forbid(unsafe_code)]

use calloop::ping::{PingError, PingSource, make_ping};
use calloop::{Error, EventSource, Poll, PostAction, Readiness, Result, Token, TokenFactory};
use offloop::{Builder, Offloop, WeakOffloop};

/// An offloop from `builder`, and the source that asks a calloop loop for its turns; as
/// `builder.waker(..).build()`, with a waker that makes an event of the source.
///
/// Insert the source into the loop of this thread, with `|(), off, data| { off.deliver(data); }`.
///
/// # Errors
/// The system gives no descriptor (`IoError`), or what [`Builder::build`] says (`OtherError`).
pub fn source<S: 'static>(builder: Builder<S>) -> Result<(Offloop<S>, OffloopSource<S>)> {
    let (ping, pings) = make_ping()?;
    let off = builder.waker(move || ping.ping()).build();
    let off = off.map_err(|error| Error::OtherError(error.into()))?;
    let source = OffloopSource { pings, off: off.downgrade() };
    Ok((off, source))
}

/// Has an event when its [`Offloop`] asks for a turn; from [`source`].
///
/// * **Callback**: `FnMut((), &mut Offloop<S>, &mut Data)`. It calls
///   [`deliver`](Offloop::deliver) each time, on that offloop; until then the source has no other event.
/// * **Order**: one event is one turn; what the turn leaves over is the next event, behind those
///   of other sources.
/// * **Drop**: of the last `Offloop`, and the source leaves the loop at the next event. Of the source or
///   the loop, and the offloop lives on: outcomes wait for a `deliver` that nobody asks for.
#[derive(Debug)]
pub struct OffloopSource<S: 'static = ()> {
    pings: PingSource,
    off: WeakOffloop<S>,
}

impl<S: 'static> EventSource for OffloopSource<S> {
    type Event = ();
    type Metadata = Offloop<S>;
    type Ret = ();
    type Error = PingError;

    fn process_events<F>(
        &mut self,
        readiness: Readiness,
        token: Token,
        mut callback: F,
    ) -> std::result::Result<PostAction, PingError>
    where
        F: FnMut((), &mut Offloop<S>),
    {
        let off = &self.off;
        let mut gone = false;
        let action = self.pings.process_events(readiness, token, |(), ()| match off.upgrade() {
            Some(mut off) => callback((), &mut off),
            None => gone = true,
        })?;
        Ok(if gone { PostAction::Remove } else { action })
    }

    fn register(&mut self, poll: &mut Poll, tokens: &mut TokenFactory) -> Result<()> {
        self.pings.register(poll, tokens)
    }

    fn reregister(&mut self, poll: &mut Poll, tokens: &mut TokenFactory) -> Result<()> {
        self.pings.reregister(poll, tokens)
    }

    fn unregister(&mut self, poll: &mut Poll) -> Result<()> {
        self.pings.unregister(poll)
    }
}
