//! What is known of a call by its ticket.
//!
//! Invariant: an entry is there while the call's function may still ask for it or its outcome has
//! not been delivered; no user code runs under the lock, a destructor included.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, LazyLock, OnceLock, PoisonError, RwLock};

use offloop::{Context, Ticket};
use slotmap::{Key, KeyData, SlotMap};

use crate::abi::{OFFLOOP_ERROR_STATE, OFFLOOP_ERROR_UNKNOWN, offloop_ticket};
use crate::misuse::Misuse;

slotmap::new_key_type! { struct CallKey; }

static CALLS: LazyLock<RwLock<SlotMap<CallKey, Arc<Call>>>> = LazyLock::new(RwLock::default);

#[derive(Default)]
struct Call {
    /// Empty until the submit has it.
    ticket: OnceLock<Ticket>,
    /// Empty until the function runs.
    context: OnceLock<Context>,
    cancelled: AtomicBool,
}

/// A call's entry, held by its function and by its handler; goes with the later one.
pub(crate) struct Registered {
    key: CallKey,
    call: Arc<Call>,
}

impl Registered {
    pub(crate) fn new() -> Self {
        let call = Arc::new(Call::default());
        let key = CALLS.write().unwrap_or_else(PoisonError::into_inner).insert(call.clone());
        Self { key, call }
    }

    pub(crate) fn ticket(&self) -> offloop_ticket {
        self.key.data().as_ffi()
    }

    pub(crate) fn begun(&self, context: &Context) {
        // Nobody else sets it: a function runs once.
        let _first = self.call.context.set(context.clone());
    }
}

impl Drop for Registered {
    fn drop(&mut self) {
        let removed = CALLS.write().unwrap_or_else(PoisonError::into_inner).remove(self.key);
        // With it the last hold on the call may go, and a destructor of the user's run.
        drop(removed);
    }
}

/// The call is on its way; a cancel that came before is made up for.
pub(crate) fn submitted(number: offloop_ticket, ticket: Ticket) {
    // It may have been delivered already, when another thread submits it.
    let Ok(call) = find(number) else { return };
    let _first = call.ticket.set(ticket);
    if call.cancelled.load(Ordering::SeqCst) {
        call.cancel();
    }
}

fn find(number: offloop_ticket) -> Result<Arc<Call>, Misuse> {
    let key = CallKey::from(KeyData::from_ffi(number));
    let calls = CALLS.read().unwrap_or_else(PoisonError::into_inner);
    let call = calls.get(key).filter(|_| key.data().as_ffi() == number);
    call.cloned().ok_or_else(|| {
        let text = format!("{number} is the ticket of no call, or of one that has ended");
        Misuse::new(OFFLOOP_ERROR_UNKNOWN, text)
    })
}

impl Call {
    fn cancel(&self) {
        if let Some(ticket) = self.ticket.get() {
            ticket.cancel();
        }
    }
}

pub(crate) fn cancel(number: offloop_ticket) -> Result<(), Misuse> {
    let call = find(number)?;
    call.cancelled.store(true, Ordering::SeqCst);
    call.cancel();
    Ok(())
}

pub(crate) fn is_done(number: offloop_ticket) -> Result<bool, Misuse> {
    Ok(find(number)?.ticket.get().is_some_and(Ticket::is_done))
}

pub(crate) fn is_cancelled(number: offloop_ticket) -> Result<bool, Misuse> {
    let call = find(number)?;
    match call.context.get() {
        Some(context) => Ok(context.is_cancelled()),
        None => Ok(call.ticket.get().is_some_and(Ticket::is_done)),
    }
}

pub(crate) fn progress(number: offloop_ticket, done: u64, of: u64) -> Result<(), Misuse> {
    let call = find(number)?;
    let Some(context) = call.context.get() else {
        let text = "progress is sent by the call's function, and that has not begun";
        return Err(Misuse::new(OFFLOOP_ERROR_STATE, text));
    };
    context.progress((done, of));
    Ok(())
}
