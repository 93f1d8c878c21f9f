//! What functions do while they run. Invariant: each ends by itself after a few milliseconds, so
//! that abandoned ones are gone soon.

use std::hint;
use std::sync::atomic::Ordering::SeqCst;
use std::thread;
use std::time::{Duration, Instant};

use offloop::Context;

use crate::cancel;
use crate::ledger::now_ns;
use crate::plan::{Body, Origin, Plan};
use crate::probe::Job;
use crate::submit;

/// How far before the moment of a contest the contenders begin to spread.
pub(crate) const LEAD: Duration = Duration::from_micros(50);

/// A function that waits for a shutdown gives up after this.
const GIVE_UP: Duration = Duration::from_millis(50);

pub(crate) fn perform(job: &Job, plan: &Plan, context: Option<&Context>) {
    match plan.body {
        Body::Quick => {}
        Body::Spin(time) => spin_until(Instant::now() + time),
        Body::Sleep(time) => thread::sleep(time),
        Body::AtDeadline(after) => at_deadline(context, after),
        Body::Announce(after) => {
            cancel::order_stored(&job.round, job.id, Instant::now());
            spin_until(Instant::now() + after);
        }
        Body::UntilAsked(most) => {
            until_asked(context, most);
        }
        Body::UntilShutdown(after) => {
            if until_asked(context, GIVE_UP) {
                let up_ns = job.round.up_ns.load(SeqCst);
                let left = Duration::from_nanos(up_ns.saturating_sub(now_ns()));
                let left = (left + after).saturating_sub(LEAD);
                spin_until(Instant::now() + left.min(GIVE_UP));
            }
        }
        Body::Submit(calls) => {
            let Some(handle) = &job.handle else { return };
            for _ in 0..calls {
                submit::from_handle(handle, &job.round, Origin::Call, None);
            }
        }
    }
}

fn at_deadline(context: Option<&Context>, after: Duration) {
    let Some(at) = context.and_then(Context::deadline) else { return };
    let Some(until) = (at + after).checked_sub(LEAD) else { return };
    let left = until.saturating_duration_since(Instant::now());
    if left > Duration::from_millis(2) {
        return;
    }
    thread::sleep(left.saturating_sub(Duration::from_micros(120)));
    spin_until(until);
}

/// Whether it was asked to stop.
fn until_asked(context: Option<&Context>, most: Duration) -> bool {
    let Some(context) = context else { return false };
    let until = Instant::now() + most;
    while !context.is_cancelled() {
        if Instant::now() >= until {
            return false;
        }
        thread::yield_now();
    }
    true
}

pub(crate) fn spin_until(until: Instant) {
    while Instant::now() < until {
        hint::spin_loop();
    }
}
