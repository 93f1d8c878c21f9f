//! A main context with an offloop on it, whose state is an `Rc<RefCell<App>>` as in a GTK program.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use glib::{ControlFlow, MainContext, Priority};
use offloop::{Builder, Offloop, Outcome, Threads, Turn};
use offloop_glib::OffloopSource;

/// Far more than anything here takes: it only ends what hangs.
const HANG: Duration = Duration::from_secs(20);

pub(crate) type Shared = Rc<RefCell<App>>;

#[derive(Default)]
pub(crate) struct App {
    pub(crate) seen: Vec<u32>,
}

pub(crate) fn keep(app: &mut Shared, outcome: Outcome<u32>) {
    app.borrow_mut().seen.push(outcome.expect("a value"));
}

pub(crate) struct Line {
    pub(crate) context: MainContext,
    pub(crate) off: Offloop<Shared>,
    pub(crate) app: Shared,
    pub(crate) source: Option<OffloopSource>,
}

impl Line {
    pub(crate) fn new() -> Self {
        Self::on(MainContext::new(), offloop_glib::PRIORITY, |builder| builder)
    }

    pub(crate) fn on(
        context: MainContext,
        priority: Priority,
        set: impl FnOnce(Builder<Shared>) -> Builder<Shared>,
    ) -> Self {
        // See `settle`.
        let builder = Offloop::builder().fd_waker().threads(Threads::new().max(1));
        let off = set(builder).build().expect("an offloop");
        let mut line = Self { context, off, app: Shared::default(), source: None };
        line.attach(priority);
        line
    }

    pub(crate) fn attach(&mut self, priority: Priority) {
        let (off, mut app) = (self.off.clone(), self.app.clone());
        let deliver = move || off.deliver(&mut app);
        let source =
            offloop_glib::attach_with_priority(&self.off, &self.context, priority, deliver);
        self.source = Some(source.expect("attached"));
    }

    /// Completes a call, unseen by the loop; its turn is asked for.
    pub(crate) fn complete(&self, value: u32) {
        self.off.call(move || value).then(keep);
        settle(&self.off);
    }

    pub(crate) fn seen(&self) -> Vec<u32> {
        self.app.borrow().seen.clone()
    }

    pub(crate) fn run_until(&self, wanted: &str, mut condition: impl FnMut() -> bool) {
        run_until(&self.context, wanted, &mut condition);
    }

    /// Lets the context handle all that is ready, and no more.
    pub(crate) fn run_ready(&self) {
        while self.context.iteration(false) {}
    }
}

/// Waits until the outcomes of all calls so far are ready, and the loop is woken for them: the one
/// worker begins another call no sooner.
pub(crate) fn settle(off: &Offloop<Shared>) {
    let (begin, begun) = mpsc::channel();
    off.call(move || begin.send(()).is_ok()).detach();
    begun.recv_timeout(HANG).expect("the worker goes on");
}

/// Goes round in a context, as a nested main loop does, too.
pub(crate) fn run_until(context: &MainContext, wanted: &str, condition: &mut dyn FnMut() -> bool) {
    let tick = || ControlFlow::Continue;
    let tick = glib::timeout_source_new(HANG / 10, None, Priority::LOW, tick);
    tick.attach(Some(context));
    let hang = Instant::now() + HANG;
    while !condition() {
        assert!(Instant::now() < hang, "the loop waits in vain until {wanted}");
        context.iteration(true);
    }
    tick.destroy();
}

/// Waits without a loop.
pub(crate) fn wait(wanted: &str, mut condition: impl FnMut() -> bool) {
    let hang = Instant::now() + HANG;
    while !condition() {
        assert!(Instant::now() < hang, "the test waits in vain until {wanted}");
        thread::sleep(Duration::from_millis(1));
    }
}

/// One call a turn.
pub(crate) fn one_by_one(builder: Builder<Shared>) -> Builder<Shared> {
    builder.turn(Turn { max_calls: 1, max_time: HANG })
}
