//! What travels with a call and counts its own drop: the job, the value, the handler. Invariant:
//! a destructor that panics does so only where offloop has to contain it.

use std::any::Any;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering::SeqCst;
use std::thread;

use offloop::{Context, Failure, Handle, Outcome};

use crate::app::App;
use crate::ledger::{Event, Kind, Round, now_ns, ns};
use crate::plan::{Ending, Lane, Origin, Plan};
use crate::{body, submit};

/// All panics of this test begin with it, so that they can be kept quiet.
pub(crate) const QUIET: &str = "stress: ";

/// What a panic was raised with, if that is text.
pub(crate) fn text(payload: &dyn Any) -> Option<&str> {
    let text = payload.downcast_ref::<&str>().copied();
    text.or_else(|| payload.downcast_ref::<String>().map(String::as_str))
}

fn blow_up(round: &Round, what: &str, counted: bool) {
    if !thread::panicking() {
        if counted {
            round.blasts.fetch_add(1, SeqCst);
        }
        panic!("{QUIET}the destructor of a {what}");
    }
}

/// What the function owns.
pub(crate) struct Job {
    pub(crate) round: Arc<Round>,
    pub(crate) id: usize,
    pub(crate) handle: Option<Handle<App>>,
    ran: bool,
}

impl Job {
    pub(crate) fn new(round: &Arc<Round>, id: usize, handle: Option<Handle<App>>) -> Self {
        Self { round: round.clone(), id, handle, ran: false }
    }

    /// The function of every call.
    pub(crate) fn run(mut self, context: Option<&Context>) -> Value {
        self.ran = true;
        let (round, id) = (self.round.clone(), self.id);
        let (plan, record) = (*round.plan(id), round.record(id));
        round.note(id, Event::Started);
        record.begin_ns.store(now_ns(), SeqCst);
        if round.on_loop() != (plan.lane == Lane::Inline) {
            round.fault(id, "the function ran on the wrong thread");
        }
        if let Some(at) = context.and_then(Context::deadline) {
            record.deadline_ns.store(ns(at), SeqCst);
        }
        body::perform(&self, &plan, context);
        record.end_ns.store(now_ns(), SeqCst);
        round.note(id, Event::Ended);
        if plan.panics && plan.payload {
            std::panic::panic_any(Value::new(&round, id));
        }
        assert!(!plan.panics, "{QUIET}call {id}");
        Value::new(&round, id)
    }
}

impl Drop for Job {
    fn drop(&mut self) {
        let (round, id) = (&self.round, self.id);
        let plan = round.plan(id);
        let back = round.record(id).had(Event::Back);
        if round.on_loop() && plan.lane != Lane::Inline && !back {
            dropped_at_home(round, id, "a job");
        }
        if let Some(time) = plan.slow_drop.filter(|_| !self.ran && !back && !round.on_loop()) {
            thread::sleep(time);
        }
        round.note(id, Event::JobDropped);
        if plan.job_bomb && !self.ran && !back {
            blow_up(round, "job", true);
        }
    }
}

/// Once its last handle is gone, the loop thread is the only one left to drop on.
fn dropped_at_home(round: &Round, id: usize, what: &str) {
    if Round::is_set(&round.over) {
        round.dropped_at_home.fetch_add(1, SeqCst);
    } else {
        round.fault(id, &format!("{what} was dropped on the loop thread"));
    }
}

/// What the function returns, or panics with.
pub(crate) struct Value {
    round: Arc<Round>,
    id: usize,
    accepted: bool,
}

impl Value {
    fn new(round: &Arc<Round>, id: usize) -> Self {
        round.note(id, Event::ValueMade);
        Self { round: round.clone(), id, accepted: false }
    }

    /// Somebody got it as the outcome of the call `id`.
    pub(crate) fn accept(mut self, id: usize) {
        self.accepted = true;
        if self.id != id {
            self.round.fault(id, &format!("it got the value of call {}", self.id));
        }
    }
}

impl Drop for Value {
    fn drop(&mut self) {
        let (round, id) = (&self.round, self.id);
        let plan = round.plan(id);
        if !self.accepted && round.on_loop() && plan.lane != Lane::Inline {
            dropped_at_home(round, id, "a value that nobody took");
        }
        round.note(id, Event::ValueDropped);
        if plan.value_bomb && !self.accepted {
            // A detached call's value is dropped as a part of the call.
            blow_up(round, "value", plan.ending != Ending::Detach || plan.panics);
        }
    }
}

/// What the handler owns.
pub(crate) struct Heard {
    round: Arc<Round>,
    id: usize,
    /// The turn in which it was submitted, if a handler did that.
    born: Option<u64>,
    ran: bool,
}

impl Heard {
    /// `None` for a call that has no handler.
    pub(crate) fn of(round: &Arc<Round>, id: usize, born: Option<u64>) -> Option<Self> {
        let heard = || Self { round: round.clone(), id, born, ran: false };
        matches!(round.plan(id).ending, Ending::Then | Ending::TryThen).then(heard)
    }

    /// The handler of every call.
    pub(crate) fn run(mut self, app: &mut App, outcome: Outcome<Value>) {
        self.ran = true;
        let (round, id) = (self.round.clone(), self.id);
        round.note(id, Event::Ran);
        if !round.on_loop() || !app.in_turn {
            round.fault(id, "its handler ran outside deliver");
        }
        if self.born.is_some_and(|born| born == app.turn) {
            round.fault(id, "it was handled in the turn in which it was submitted");
        }
        round.judge(id, outcome);
        app.shutdown_inside();
        if id.is_multiple_of(32) {
            app.deliver_inside();
        }
        let plan = round.plan(id);
        for _ in 0..plan.children {
            submit::from_loop(app, Origin::Handler);
        }
        assert!(!plan.handler_panics, "{QUIET}a handler");
    }
}

impl Drop for Heard {
    fn drop(&mut self) {
        let (round, id) = (&self.round, self.id);
        let record = round.record(id);
        if self.ran || record.had(Event::Back) {
            return;
        }
        let plan: &Plan = round.plan(id);
        let remote = matches!(plan.origin, Origin::Thread | Origin::Call);
        if round.on_loop() {
            round.note(id, Event::Unrun);
        } else {
            round.note(id, Event::UnrunElsewhere);
            if !remote {
                round.fault(id, "its handler was dropped off the loop thread");
            }
        }
        if !Round::is_set(&round.gone) {
            round.fault(id, "its handler was dropped while the loop could deliver");
        }
        if plan.handler_bomb {
            blow_up(round, "handler", false);
        }
    }
}

/// Makes a handler that can't leave the loop thread, and counts that it is dropped there.
#[derive(Clone, Default)]
pub(crate) struct Tether(Rc<()>);

impl Tether {
    pub(crate) fn count(&self) -> usize {
        Rc::strong_count(&self.0)
    }
}

/// The unobserved hook.
pub(crate) fn hook(round: &Round, what: &offloop::Unobserved) {
    if what.handler_dropped {
        round.hooked_unrun.fetch_add(1, SeqCst);
    }
    if what.failure.is_some() {
        round.hooked_failures.fetch_add(1, SeqCst);
    }
    let Some(id) = what.name.as_ref().and_then(|name| name.parse().ok()) else {
        if let Some(Failure::Panicked(panic)) = what.failure.clone()
            && let Some(value) = panic.into_payload().and_then(|any| any.downcast::<Value>().ok())
        {
            let id = value.id;
            value.accept(id);
        }
        return;
    };
    if !round.on_loop() {
        round.fault(id, "the hook ran off the loop thread");
    }
    round.note(id, Event::Hooked);
    let kind = match what.failure.clone() {
        Some(failure) => round.judge_failure(id, failure),
        None => Kind::Finished,
    };
    round.set_kind(id, kind);
}
