//! What a loop thread owns, and the functions that only it may call.
//!
//! Invariant: an `Offloop` never leaves its thread: it stands in a thread-local, and what others
//! find by its number is a `Handle`. It ends while no turn is in it, or with the thread.

use std::cell::{Cell, OnceCell, RefCell};
use std::collections::HashMap;
use std::ffi::CString;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::sync::{Arc, LazyLock, PoisonError, RwLock, RwLockReadGuard};
use std::time::Duration;

use offloop::{Builder, Cores, Delivered, Handle, LoopWaker, Offloop, Threads, Turn};
use slotmap::{Key, KeyData, SlotMap};

use crate::abi::{
    OFFLOOP_ERROR_INVALID, OFFLOOP_ERROR_NESTED, OFFLOOP_ERROR_NULL, OFFLOOP_ERROR_STATE,
    OFFLOOP_ERROR_SYSTEM, OFFLOOP_ERROR_THREAD, OFFLOOP_ERROR_UNKNOWN, OFFLOOP_WAKE_CALLBACK,
    OFFLOOP_WAKE_FD, OFFLOOP_WAKE_NONE, offloop_id, offloop_options, offloop_report,
};
use crate::foreign::{Given, State, Wake};
use crate::misuse::{Misuse, c_string};
use crate::wake::{Gate, assert_outside};

slotmap::new_key_type! { struct LoopKey; }

type Handles = SlotMap<LoopKey, Handle<State>>;

static LOOPS: LazyLock<RwLock<Handles>> = LazyLock::new(RwLock::default);

/// Tells the number of an offloop from a ticket; the index of neither ever comes near it.
const IS_LOOP: u64 = 1 << 31;

thread_local! {
    static HERE: Here = Here::default();
}

#[derive(Default)]
struct Here(RefCell<HashMap<LoopKey, Rc<Local>>>);

/// One offloop. Its fields go in this order.
pub(crate) struct Local {
    pub(crate) off: Offloop<State>,
    _gate: Option<Closing>,
    in_turn: Cell<bool>,
    abandoned: OnceCell<CString>,
}

/// Lets nobody into a wake callback any more, when dropped.
struct Closing(Arc<Gate>);

impl Drop for Closing {
    fn drop(&mut self) {
        self.0.close();
    }
}

impl Drop for Here {
    /// The thread ends, and its offloops with it.
    fn drop(&mut self) {
        for (key, local) in self.0.take() {
            if local.off.is_forked() {
                // A lock may be held by a thread of the parent.
                std::mem::forget(local);
                continue;
            }
            let _contained = catch_unwind(AssertUnwindSafe(|| end(key, local)));
        }
    }
}

pub(crate) fn create(given: Option<Given<offloop_options>>) -> Result<offloop_id, Misuse> {
    assert_outside()?;
    let mut builder = Offloop::builder();
    let mut gate = None;
    let waking = given.as_ref().map_or(OFFLOOP_WAKE_FD, |given| given.waking);
    builder = match (waking, &given) {
        (OFFLOOP_WAKE_CALLBACK, Some(given)) => {
            if given.wake.is_none() {
                return Err(Misuse::new(OFFLOOP_ERROR_NULL, "offloop_options.wake is null"));
            }
            let waker = Arc::new(Gate::new(Wake::new(given)));
            gate = Some(Closing(waker.clone()));
            builder.waker(move || waker.wake())
        }
        (OFFLOOP_WAKE_NONE, _) => builder.no_waker(),
        #[cfg(unix)]
        (OFFLOOP_WAKE_FD, _) => builder.fd_waker(),
        _ => {
            let text = format!("offloop_options.waking is {waking}, which is none here");
            return Err(Misuse::new(OFFLOOP_ERROR_INVALID, text));
        }
    };
    if let Some(given) = given {
        builder = with_limits(builder, &given);
    }
    let off = builder.build().map_err(|error| {
        let code = if error.is_system() { OFFLOOP_ERROR_SYSTEM } else { OFFLOOP_ERROR_INVALID };
        let source = std::error::Error::source(&error);
        let source = source.and_then(|source| source.downcast_ref::<std::io::Error>());
        let system = source.and_then(std::io::Error::raw_os_error);
        Misuse { system, ..Misuse::new(code, error.to_string()) }
    })?;
    let key = LOOPS.write().unwrap_or_else(PoisonError::into_inner).insert(off.handle());
    let (in_turn, abandoned) = (Cell::new(false), OnceCell::new());
    let local = Local { off, _gate: gate, in_turn, abandoned };
    let kept = HERE.try_with(|here| here.0.borrow_mut().insert(key, Rc::new(local)));
    if kept.is_err() {
        LOOPS.write().unwrap_or_else(PoisonError::into_inner).remove(key);
        return Err(Misuse::new(OFFLOOP_ERROR_STATE, "this thread is ending"));
    }
    Ok(key.data().as_ffi() | IS_LOOP)
}

fn with_limits(builder: Builder<State>, options: &offloop_options) -> Builder<State> {
    let (mut threads, mut cores, mut turn) = (Threads::new(), Cores::new(), Turn::default());
    if options.threads_max != 0 {
        threads = threads.max(options.threads_max as usize);
    }
    if options.cores != 0 {
        cores = cores.workers(options.cores as usize);
    }
    if options.queue != 0 {
        threads = threads.queue(options.queue as usize);
        cores = cores.queue(options.queue as usize);
    }
    if options.turn_max_calls != 0 {
        turn.max_calls = options.turn_max_calls as usize;
    }
    if options.turn_max_us != 0 {
        turn.max_time = Duration::from_micros(options.turn_max_us.into());
    }
    builder.threads(threads).cores(cores).turn(turn)
}

fn key(id: offloop_id) -> Option<LoopKey> {
    let key = LoopKey::from(KeyData::from_ffi(id & !IS_LOOP));
    (key.data().as_ffi() | IS_LOOP == id).then_some(key)
}

fn unknown(id: offloop_id) -> Misuse {
    Misuse::new(OFFLOOP_ERROR_UNKNOWN, format!("{id} is no offloop, or one that was destroyed"))
}

/// The offloop, if this is its thread.
pub(crate) fn here(id: offloop_id) -> Result<Rc<Local>, Misuse> {
    assert_outside()?;
    let key = key(id).ok_or_else(|| unknown(id))?;
    let found = HERE.try_with(|here| here.0.borrow().get(&key).cloned());
    if let Ok(Some(local)) = found {
        return Ok(local);
    }
    if !LOOPS.read().unwrap_or_else(PoisonError::into_inner).contains_key(key) {
        return Err(unknown(id));
    }
    let text = "this is not the thread that created the offloop, and only that one may ask this";
    Err(Misuse::new(OFFLOOP_ERROR_THREAD, text))
}

fn assert_not_forked(is_forked: bool) -> Result<(), Misuse> {
    if is_forked {
        let text = "this process was forked after the offloop was made, and its threads are the \
                    parent's: make another one";
        return Err(Misuse::new(OFFLOOP_ERROR_STATE, text));
    }
    Ok(())
}

/// Same as `here`, except that a forked child is refused before anything is taken or locked.
pub(crate) fn here_unforked(id: offloop_id) -> Result<Rc<Local>, Misuse> {
    let local = here(id)?;
    assert_not_forked(local.off.is_forked())?;
    Ok(local)
}

/// The offloop from another thread, on which `here` said so; it can't be destroyed before `Elsewhere` is dropped.
pub(crate) fn elsewhere(id: offloop_id) -> Result<Elsewhere, Misuse> {
    let key = key(id).ok_or_else(|| unknown(id))?;
    let loops = LOOPS.read().unwrap_or_else(PoisonError::into_inner);
    let handle = loops.get(key).ok_or_else(|| unknown(id))?.clone();
    assert_not_forked(handle.is_forked())?;
    Ok(Elsewhere { handle, _stays: loops })
}

pub(crate) struct Elsewhere {
    pub(crate) handle: Handle<State>,
    _stays: RwLockReadGuard<'static, Handles>,
}

pub(crate) fn deliver(id: offloop_id, mut state: State) -> Result<Delivered, Misuse> {
    struct Turning<'a>(&'a Cell<bool>);
    impl Drop for Turning<'_> {
        fn drop(&mut self) {
            self.0.set(false);
        }
    }
    let local = here(id)?;
    if local.in_turn.get() {
        // It hears that a turn was wanted, and wakes the loop at the end of the present one.
        local.off.deliver(&mut state);
        let text = "a handler is running, and its turn goes on behind it: this one ran nothing";
        return Err(Misuse::new(OFFLOOP_ERROR_NESTED, text));
    }
    local.in_turn.set(true);
    let _turning = Turning(&local.in_turn);
    Ok(local.off.deliver(&mut state))
}

#[cfg(unix)]
pub(crate) fn fd(id: offloop_id) -> Result<i32, Misuse> {
    use std::os::fd::AsRawFd;
    match here(id)?.off.as_fd() {
        Some(fd) => Ok(fd.as_raw_fd()),
        None => Err(Misuse::new(OFFLOOP_ERROR_STATE, "it was not made with OFFLOOP_WAKE_FD")),
    }
}

#[cfg(not(unix))]
pub(crate) fn fd(id: offloop_id) -> Result<i32, Misuse> {
    here(id)?;
    Err(Misuse::new(OFFLOOP_ERROR_STATE, "this system has no such descriptors"))
}

pub(crate) fn pending(id: offloop_id) -> Result<usize, Misuse> {
    Ok(here(id)?.off.pending())
}

pub(crate) fn close(id: offloop_id) -> Result<(), Misuse> {
    here_unforked(id)?.off.close();
    Ok(())
}

pub(crate) fn is_closed(id: offloop_id) -> Result<bool, Misuse> {
    Ok(here(id)?.off.is_closed())
}

pub(crate) fn shutdown(id: offloop_id, within_ms: u64) -> Result<offloop_report, Misuse> {
    let local = here_unforked(id)?;
    if within_ms > 0 && local.in_turn.get() {
        let text = "a shutdown that waits would hold up the turn that this handler is part of";
        return Err(Misuse::new(OFFLOOP_ERROR_NESTED, text));
    }
    let report = local.off.shutdown(Duration::from_millis(within_ms));
    let names = local.abandoned.get_or_init(|| {
        let name = |call: &offloop::AbandonedCall| call.name.as_deref().unwrap_or("?").to_owned();
        c_string(&report.abandoned.iter().map(name).collect::<Vec<_>>().join("\n"))
    });
    Ok(offloop_report {
        finished: report.finished,
        never_started: report.never_started,
        abandoned: report.abandoned.len(),
        abandoned_names: names.as_ptr(),
    })
}

pub(crate) fn destroy(id: offloop_id) -> Result<(), Misuse> {
    let local = here_unforked(id)?;
    if local.in_turn.get() {
        let text = "a handler is running: destroy the offloop when offloop_deliver has returned";
        return Err(Misuse::new(OFFLOOP_ERROR_NESTED, text));
    }
    let key = key(id).ok_or_else(|| unknown(id))?;
    drop(local);
    let taken = HERE.try_with(|here| here.0.borrow_mut().remove(&key)).ok().flatten();
    end(key, taken.ok_or_else(|| unknown(id))?);
    Ok(())
}

/// From the first line on nobody finds it; the last waits for those that run a wake.
fn end(key: LoopKey, local: Rc<Local>) {
    // Threads that submit have ended that when it is taken out.
    let handle = LOOPS.write().unwrap_or_else(PoisonError::into_inner).remove(key);
    drop(handle);
    drop(local);
}
