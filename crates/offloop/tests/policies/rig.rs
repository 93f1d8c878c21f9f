//! One call with one policy, on any executor, from either handle, with any ending. Invariant: what a
//! call came to is asked of the call itself, whatever its ending.

use std::cell::RefCell;
use std::fmt;
use std::future::{Future, IntoFuture};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::{Arc, Mutex};
use std::task::{Context as TaskContext, Poll, Waker};
use std::time::Duration;

use offloop::{Builder, Context, Failure, Offloop, Outcome, Resource, Scope, Ticket};

use crate::common::{Seen, TestLoop, wait_for};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Policy {
    InOrder,
    Serial,
    Latest,
    Share,
    Within,
    Resource,
    OnProgress,
    OnEachProgress,
    CallFn,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    Threads,
    Cores,
    Inline,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum From {
    Loop,
    Handle,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    Then,
    TryThen,
    Await,
    Detach,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Case {
    pub(crate) policy: Policy,
    pub(crate) place: Place,
    pub(crate) from: From,
    pub(crate) ending: Ending,
    /// In the bench's scope besides.
    pub(crate) scoped: bool,
}

impl Case {
    /// Every case of a policy that is no conflict.
    pub(crate) fn all(policy: Policy) -> Vec<Self> {
        let mut all = Vec::new();
        for place in [Place::Threads, Place::Cores, Place::Inline] {
            for from in [From::Loop, From::Handle] {
                for ending in [Ending::Then, Ending::TryThen, Ending::Await, Ending::Detach] {
                    all.push(Self { policy, place, from, ending, scoped: false });
                }
            }
        }
        all.retain(|case| match policy {
            Policy::InOrder => case.ending != Ending::Await || case.place != Place::Inline,
            Policy::Within => case.from == From::Loop,
            Policy::Resource => case.place == Place::Threads,
            Policy::OnProgress | Policy::OnEachProgress => case.ending != Ending::Await,
            _ => true,
        });
        all
    }

    pub(crate) fn is_inline(self) -> bool {
        self.place == Place::Inline
    }

    /// The same with `then`.
    pub(crate) fn with_then(self) -> Self {
        Self { ending: Ending::Then, ..self }
    }
}

/// What a call runs; a resource's call has no context.
pub(crate) type Function = Box<dyn FnOnce(Option<&Context>) -> u32 + Send>;

fn named(cx: &Context, function: Function) -> u32 {
    function(Some(cx))
}

/// A loop with everything that policies refer to.
pub(crate) struct Bench {
    pub(crate) lp: TestLoop<Seen<u32>>,
    pub(crate) resource: Resource<u32>,
    pub(crate) scope: RefCell<Option<Scope>>,
    unheard: Rc<RefCell<Vec<Failure>>>,
}

type Slot = Arc<Mutex<Option<Outcome<u32>>>>;
type Awaited = Pin<Box<dyn Future<Output = Outcome<u32>>>>;

enum Way {
    Handler(Slot, Ticket),
    Refused(Failure),
    Task(Awaited),
    Nobody(Ticket),
}

/// A call that was submitted, or refused.
pub(crate) struct Submitted(Way);

macro_rules! placed {
    ($call:expr, $case:expr) => {{
        let call = $call;
        match $case.place {
            Place::Threads => call.threads(),
            Place::Cores => call.cores(),
            Place::Inline => call.inline(),
        }
    }};
}

macro_rules! keyed {
    ($call:expr, $case:expr) => {{
        let call = $call;
        match $case.policy {
            Policy::InOrder => call.in_order("key"),
            Policy::Serial => call.serial("key"),
            Policy::Latest => call.latest("key"),
            Policy::Share => call.share("key"),
            Policy::OnProgress => call.on_progress(|_, _: u32| ()),
            Policy::OnEachProgress => call.on_each_progress(|_, _: u32| ()),
            Policy::Within | Policy::Resource | Policy::CallFn => call,
        }
    }};
}

macro_rules! ended {
    ($call:expr, $case:expr, $deadline:expr) => {{
        let call = $call;
        let call = match $deadline {
            Some(time) => call.deadline(time),
            None => call,
        };
        let slot = Slot::default();
        let kept = slot.clone();
        let handler = move |seen: &mut Seen<u32>, outcome: Outcome<u32>| {
            let before = kept.lock().unwrap().replace(outcome.clone());
            assert!(before.is_none(), "a handler runs once");
            seen.push(outcome);
        };
        Submitted(match $case.ending {
            Ending::Then => Way::Handler(slot, call.then(handler)),
            Ending::TryThen => match call.try_then(handler) {
                Ok(ticket) => Way::Handler(slot, ticket),
                Err(refused) => Way::Refused(refused.reason),
            },
            Ending::Await => Way::Task(Box::pin(call.into_future())),
            Ending::Detach => Way::Nobody(call.detach()),
        })
    }};
}

macro_rules! submitted {
    ($bench:expr, $origin:expr, $case:expr, $deadline:expr, $function:expr, $scope:ident) => {
        match $case.policy {
            Policy::Resource => {
                let call = $origin.call_on(&$bench.resource, move |_| $function(None));
                ended!($scope!(call, $bench, $case), $case, $deadline)
            }
            Policy::CallFn => {
                let call = placed!($origin.call_fn_with(named, $function), $case);
                ended!($scope!(call, $bench, $case), $case, $deadline)
            }
            _ => {
                let call = placed!($origin.call_with(move |cx| $function(Some(cx))), $case);
                let call = keyed!(call, $case);
                ended!($scope!(call, $bench, $case), $case, $deadline)
            }
        }
    };
}

macro_rules! within {
    ($call:expr, $bench:expr, $case:expr) => {{
        let call = $call;
        let scope = $bench.scope.borrow();
        match &*scope {
            Some(scope) if $case.scoped || $case.policy == Policy::Within => call.within(scope),
            _ => call,
        }
    }};
}

/// A handle's calls belong to no scope.
macro_rules! without {
    ($call:expr, $bench:expr, $case:expr) => {
        $call
    };
}

impl Bench {
    pub(crate) fn new() -> Self {
        Self::with(|builder| builder)
    }

    pub(crate) fn with(configure: impl FnOnce(Builder<Seen<u32>>) -> Builder<Seen<u32>>) -> Self {
        let unheard = Rc::new(RefCell::new(Vec::new()));
        let hook = unheard.clone();
        let lp = TestLoop::with(|builder| {
            configure(builder)
                .on_unobserved(move |what| hook.borrow_mut().extend(what.failure.clone()))
        });
        let (resource, scope) = (lp.off.resource(|| 0), lp.off.scope());
        Self { lp, resource, scope: RefCell::new(Some(scope)), unheard }
    }

    pub(crate) fn off(&self) -> &Offloop<Seen<u32>> {
        &self.lp.off
    }

    pub(crate) fn submit(
        &self,
        case: Case,
        deadline: Option<Duration>,
        function: impl FnOnce(Option<&Context>) -> u32 + Send + 'static,
    ) -> Submitted {
        let function: Function = Box::new(function);
        let mut submitted = match case.from {
            From::Loop => submitted!(self, self.lp.off, case, deadline, function, within),
            From::Handle => {
                submitted!(self, self.lp.off.handle(), case, deadline, function, without)
            }
        };
        // An awaited call is submitted when it is polled.
        submitted.poll();
        submitted
    }

    /// A call that comes after: it has to work.
    #[track_caller]
    pub(crate) fn works(&self, case: Case) {
        let value = self.submit(case, None, |_| 77).outcome(self);
        assert!(matches!(value, Ok(None | Some(77))), "{value:?}, in {case:?}");
    }
}

impl Submitted {
    fn poll(&mut self) -> Option<Outcome<u32>> {
        let Way::Task(future) = &mut self.0 else { return None };
        match future.as_mut().poll(&mut TaskContext::from_waker(Waker::noop())) {
            Poll::Ready(outcome) => {
                let done = Box::pin(std::future::ready(outcome.clone()));
                self.0 = Way::Task(done);
                Some(outcome)
            }
            Poll::Pending => None,
        }
    }

    /// What it comes to; `Ok(None)` for a value that nobody hears of.
    #[track_caller]
    pub(crate) fn outcome(mut self, bench: &Bench) -> Result<Option<u32>, Failure> {
        let mut seen = Vec::new();
        match &self.0 {
            Way::Refused(failure) => return Err(failure.clone()),
            Way::Handler(slot, _) => {
                while slot.lock().unwrap().is_none() {
                    bench.lp.woken_turn(&mut seen);
                }
                let outcome = slot.lock().unwrap().clone().expect("it was just there");
                return outcome.map(Some);
            }
            Way::Nobody(_) => {
                while bench.off().pending() > 0 && bench.unheard.borrow().is_empty() {
                    bench.lp.woken_turn(&mut seen);
                }
                return bench.unheard.borrow_mut().pop().map_or(Ok(None), Err);
            }
            Way::Task(_) => {}
        }
        let mut outcome = None;
        wait_for("the task has its outcome", || {
            bench.lp.turn(&mut seen);
            outcome = self.poll();
            outcome.is_some()
        });
        outcome.expect("waited for").map(Some)
    }

    pub(crate) fn is_refused(&self) -> bool {
        matches!(self.0, Way::Refused(_))
    }

    /// Whether its handler has not run.
    pub(crate) fn is_unheard(&self) -> bool {
        !matches!(&self.0, Way::Handler(slot, _) if slot.lock().unwrap().is_some())
    }

    /// Cancels it, and comes back with it if it can still be asked.
    pub(crate) fn cancel(self) -> Option<Self> {
        match &self.0 {
            Way::Handler(_, ticket) | Way::Nobody(ticket) => ticket.cancel(),
            Way::Task(_) => return None,
            Way::Refused(_) => {}
        }
        Some(self)
    }
}

impl fmt::Debug for Submitted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Submitted").field("is_refused", &self.is_refused()).finish()
    }
}
