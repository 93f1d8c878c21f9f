//! A mio loop with one offloop on it. Invariant: it calls `deliver` once per event of the
//! offloop's token, and never asks `Delivered::more`.

use std::time::Duration;

use mio::{Events, Poll, Token};
use offloop::{Builder, Offloop, Turn};
use offloop_mio::MioWaker;

/// Beyond this a test counts as hanging.
pub(crate) const HANG: Duration = Duration::from_secs(60);
pub(crate) const OFFLOOP: Token = Token(3);

#[derive(Debug, Clone, Copy)]
pub(crate) enum Way {
    Waker,
    #[cfg(unix)]
    Descriptor,
}

/// Runs `test` on each way that the system has.
pub(crate) fn both(test: impl Fn(Way)) {
    test(Way::Waker);
    #[cfg(unix)]
    test(Way::Descriptor);
}

/// A turn that ends by its calls alone.
pub(crate) fn turn_of(max_calls: usize) -> Turn {
    Turn { max_calls, max_time: HANG }
}

#[derive(Default)]
pub(crate) struct App {
    pub(crate) values: Vec<u32>,
}

pub(crate) struct Line {
    pub(crate) poll: Poll,
    pub(crate) off: Offloop<App>,
    pub(crate) app: App,
    pub(crate) turns: u64,
}

impl Line {
    pub(crate) fn new(way: Way, options: impl FnOnce(Builder<App>) -> Builder<App>) -> Self {
        let poll = Poll::new().expect("a poll");
        let builder = options(Offloop::<App>::builder());
        let off = match way {
            Way::Waker => {
                let waker = MioWaker::new(poll.registry(), OFFLOOP).expect("a waker");
                builder.waker(waker).build().expect("an offloop")
            }
            #[cfg(unix)]
            Way::Descriptor => {
                let off = builder.fd_waker().build().expect("an offloop");
                let source = &mut offloop_mio::OffloopSource(&off);
                let reading = mio::Interest::READABLE;
                poll.registry().register(source, OFFLOOP, reading).expect("registered");
                off
            }
        };
        Self { poll, off, app: App::default(), turns: 0 }
    }

    pub(crate) fn run_until(&mut self, done: impl Fn(&App) -> bool) {
        let mut events = Events::with_capacity(16);
        while !done(&self.app) {
            self.poll.poll(&mut events, Some(HANG)).expect("polled");
            assert!(!events.is_empty(), "nothing woke the loop");
            for event in &events {
                assert_eq!(event.token(), OFFLOOP);
                assert!(event.is_readable());
                self.off.deliver(&mut self.app);
                self.turns += 1;
            }
        }
    }
}
