//! Submits planned calls: through the loop's own handle or through a `Handle`, by each ending.
//! Invariant: a call's plan and its submit time are in the books before offloop hears of it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::time::{Duration, Instant};

use offloop::{Call, Handle, Outcome, Ticket};

use crate::app::App;
use crate::body::LEAD;
use crate::cancel;
use crate::ledger::{Event, Round, lock, ns};
use crate::plan::{Cancel, Ending, Lane, Origin, Plan, Rng};
use crate::probe::{Heard, Job, Value};
use crate::tasks::Tasks;

/// The seed of the whole test.
pub(crate) static SEED: AtomicU64 = AtomicU64::new(0);

fn describe<O: offloop::Origin, J>(call: Call<O, J>, plan: &Plan, id: usize) -> Call<O, J> {
    let call = match plan.lane {
        Lane::Threads => call.threads(),
        Lane::Cores => call.cores(),
        Lane::Inline => call.inline(),
    };
    let call = call.priority(plan.priority);
    let call = if plan.named { call.name(id.to_string()) } else { call };
    match plan.deadline {
        Some(time) => call.deadline(time),
        None => call,
    }
}

/// Ends a call as planned. A macro, because the two handles' endings have other bounds on the
/// handler.
macro_rules! end {
    ($call:expr, $round:expr, $id:expr, $plan:expr, $handler:expr, $tasks:expr) => {{
        let call = describe($call, $plan, $id);
        match ($plan.ending, $handler) {
            (Ending::Then, Some(handler)) => Some(call.then(handler)),
            (Ending::TryThen, Some(handler)) => match call.try_then(handler) {
                Ok(ticket) => Some(ticket),
                Err(refused) => {
                    let kind = $round.judge_failure($id, refused.reason.clone());
                    if $plan.again {
                        Some(refused.call.then(refused.handler))
                    } else {
                        $round.set_kind($id, kind);
                        $round.note($id, Event::Back);
                        None
                    }
                }
            },
            (Ending::Detach, _) => Some(call.detach()),
            _ => {
                if let Some(tasks) = $tasks {
                    tasks.spawn($id, call.into_future());
                }
                None
            }
        }
    }};
}

/// A call submitted on the loop thread. `false`: the round is full.
pub(crate) fn from_loop(app: &mut App, origin: Origin) -> bool {
    let Some(id) = app.round.take_id() else { return false };
    let plan = Plan::roll(&mut rng(&app.round, id), origin);
    planned_from_loop(app, id, plan);
    true
}

/// A call that is there when a shutdown comes.
pub(crate) fn last_from_loop(app: &mut App) {
    if let Some(id) = app.round.take_id() {
        let plan = Plan::last(&mut rng(&app.round, id));
        planned_from_loop(app, id, plan);
    }
}

fn planned_from_loop(app: &mut App, id: usize, plan: Plan) {
    let round = app.round.clone();
    round.register(id, plan);
    let off = app.off.clone().expect("handlers run and loops submit while the handle lives");
    let job = Job::new(&round, id, Some(off.handle()));
    let heard = Heard::of(&round, id, app.in_turn.then_some(app.turn));
    let tether = app.tether.clone();
    let handler = heard.map(|heard| {
        move |app: &mut App, outcome: Outcome<Value>| {
            let _here = tether;
            heard.run(app, outcome);
        }
    });
    let tasks = Some(&mut app.tasks);
    let ticket = if plan.deadline.is_some() || id.is_multiple_of(2) {
        end!(off.call_with(move |cx| job.run(Some(cx))), round, id, &plan, handler, tasks)
    } else {
        end!(off.call(move || job.run(None)), round, id, &plan, handler, tasks)
    };
    after(&round, id, &plan, ticket);
}

/// A call submitted through a handle, on any thread. `false`: the round is full.
pub(crate) fn from_handle(
    handle: &Handle<App>,
    round: &Arc<Round>,
    origin: Origin,
    tasks: Option<&mut Tasks>,
) -> bool {
    let Some(id) = round.take_id() else { return false };
    let plan = Plan::roll(&mut rng(round, id), origin);
    round.register(id, plan);
    let job = Job::new(round, id, Some(handle.clone()));
    let heard = Heard::of(round, id, None);
    let handler =
        heard.map(|heard| move |app: &mut App, outcome: Outcome<Value>| heard.run(app, outcome));
    let ticket = if plan.deadline.is_some() || id.is_multiple_of(2) {
        end!(handle.call_with(move |cx| job.run(Some(cx))), round, id, &plan, handler, tasks)
    } else {
        end!(handle.call(move || job.run(None)), round, id, &plan, handler, tasks)
    };
    after(round, id, &plan, ticket);
    true
}

/// Cancels it as planned.
fn after(round: &Arc<Round>, id: usize, plan: &Plan, ticket: Option<Ticket>) {
    let Some(ticket) = ticket else { return };
    let now = Instant::now();
    match plan.cancel {
        Cancel::Never => {}
        Cancel::Now => cancel::now(round, id, &ticket),
        Cancel::GuardNow => cancel::now_by_guard(round, id, ticket.guard()),
        Cancel::Elsewhere(after) => cancel::order(round, id, now + after, ticket),
        Cancel::GuardElsewhere(after) => {
            cancel::order_guard(round, id, now + after, ticket.guard());
        }
        Cancel::AtDeadline(after) => {
            let deadline = round.record(id).deadline_ns.load(SeqCst);
            let left = Duration::from_nanos(deadline.saturating_sub(ns(now)));
            cancel::order(round, id, (now + left + after).max(now + LEAD) - LEAD, ticket);
        }
        Cancel::WithEnd => *lock(&round.record(id).ticket) = Some(ticket),
    }
}

/// Each call has dice of its own, so that its plan does not hang on the order of events.
fn rng(round: &Round, id: usize) -> Rng {
    Rng::new(SEED.load(SeqCst), round.number << 32 | id as u64)
}
