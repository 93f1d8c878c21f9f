//! From a struct of C's to a call of offloop's, and from a failure to its number.
//!
//! Invariant: nothing of the struct is owned before all of it has been looked at, so that a refusal
//! leaves everything with the caller.

use std::sync::Arc;
use std::time::Duration;

use offloop::{By, Call, Context, Failure, Priority, Reason};

use crate::abi::{
    OFFLOOP_CANCELLED, OFFLOOP_CORES, OFFLOOP_EACH_PROGRESS, OFFLOOP_ERROR_INVALID,
    OFFLOOP_ERROR_NULL, OFFLOOP_ERROR_THREAD, OFFLOOP_HIGH, OFFLOOP_IN_ORDER, OFFLOOP_LATEST,
    OFFLOOP_LOW, OFFLOOP_NORMAL, OFFLOOP_PANICKED, OFFLOOP_QUEUE_FULL, OFFLOOP_REJECTED,
    OFFLOOP_SERIAL, OFFLOOP_SHUT_DOWN, OFFLOOP_SUPERSEDED, OFFLOOP_THREADS, OFFLOOP_TIMED_OUT,
    offloop_call, offloop_id, offloop_ticket,
};
use crate::calls::{self, Registered};
use crate::foreign::{Function, Given, State, User};
use crate::loops;
use crate::misuse::Misuse;

const POLICIES: u32 = OFFLOOP_IN_ORDER | OFFLOOP_SERIAL | OFFLOOP_LATEST | OFFLOOP_EACH_PROGRESS;

/// Describes the call from either handle, whose keyed policies are methods of their own, and ends
/// it.
macro_rules! send {
    ($origin:expr, $given:expr) => {{
        let given = $given;
        let registered = Arc::new(Registered::new());
        let ticket = registered.ticket();
        let (function, user) = (Function::new(&given), Arc::new(User::new(&given)));
        let of_function = registered.clone();
        let call = $origin.call_with(move |context: &Context| {
            of_function.begun(context);
            function.run(ticket)
        });
        let mut call = described(call, &given);
        if given.policies & OFFLOOP_IN_ORDER != 0 {
            call = call.in_order(given.in_order_key);
        }
        if given.policies & OFFLOOP_SERIAL != 0 {
            call = call.serial(given.serial_key);
        }
        if given.policies & OFFLOOP_LATEST != 0 {
            call = call.latest(given.latest_key);
        }
        if let Some(on_progress) = given.on_progress {
            let user = user.clone();
            let hear = move |state: &mut State, numbers: (u64, u64)| {
                user.progress(Some(on_progress), state, numbers);
            };
            call = match given.policies & OFFLOOP_EACH_PROGRESS {
                0 => call.on_progress(hear),
                _ => call.on_each_progress(hear),
            };
        }
        let handler = given.handler;
        let sent = call.then(move |state, outcome| {
            user.handle(handler, state, ticket, outcome);
            drop(user);
            drop(registered);
        });
        calls::submitted(ticket, sent);
        ticket
    }};
}

pub(crate) fn submit(id: offloop_id, given: Given<offloop_call>) -> Result<offloop_ticket, Misuse> {
    check(&given)?;
    match loops::here_unforked(id) {
        Ok(local) => Ok(send!(local.off, given)),
        Err(misuse) if misuse.code == OFFLOOP_ERROR_THREAD => {
            let elsewhere = loops::elsewhere(id)?;
            Ok(send!(elsewhere.handle, given))
        }
        Err(misuse) => Err(misuse),
    }
}

fn check(call: &offloop_call) -> Result<(), Misuse> {
    let null = |field: &str| Err(Misuse::new(OFFLOOP_ERROR_NULL, format!("{field} is null")));
    if call.function.is_none() {
        return null("offloop_call.function");
    }
    if call.handler.is_none() {
        return null("offloop_call.handler");
    }
    let choices = [
        ("executor", call.executor, call.executor <= OFFLOOP_CORES),
        ("priority", call.priority, call.priority <= OFFLOOP_LOW),
        ("policies", call.policies, call.policies & !POLICIES == 0),
    ];
    for (field, number, exists) in choices {
        if !exists {
            let text = format!("offloop_call.{field} is {number}, which is none");
            return Err(Misuse::new(OFFLOOP_ERROR_INVALID, text));
        }
    }
    Ok(())
}

/// What is the same for both handles.
fn described<O: offloop::Origin, J>(call: Call<O, J>, given: &Given<offloop_call>) -> Call<O, J> {
    let mut call = match given.executor {
        OFFLOOP_THREADS => call.threads(),
        _ => call.cores(),
    };
    call = call.priority(match given.priority {
        OFFLOOP_HIGH => Priority::High,
        OFFLOOP_NORMAL => Priority::Normal,
        _ => Priority::Low,
    });
    if given.deadline_ms != 0 {
        call = call.deadline(Duration::from_millis(given.deadline_ms));
    }
    match given.call_name() {
        Some(name) => call.name(name),
        None => call,
    }
}

/// The kind of an outcome.
pub(crate) fn kind(failure: &Failure) -> u32 {
    match failure {
        Failure::Panicked(_) => OFFLOOP_PANICKED,
        Failure::TimedOut => OFFLOOP_TIMED_OUT,
        Failure::Cancelled(By::Superseded) => OFFLOOP_SUPERSEDED,
        Failure::Cancelled(_) => OFFLOOP_CANCELLED,
        Failure::Rejected(Reason::QueueFull) => OFFLOOP_QUEUE_FULL,
        Failure::Shutdown => OFFLOOP_SHUT_DOWN,
        _ => OFFLOOP_REJECTED,
    }
}
