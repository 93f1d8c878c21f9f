//! The shortest way: an offloop that is a descriptor, and a call of which only its value is wanted.
//!
//! Invariant: it is `offloop_submit` with callbacks of our own, so that all that holds there holds
//! here; each box that a callback is given is freed by that callback's destructor, or by the
//! refusal.
#![allow(non_camel_case_types)]

use std::ffi::{CStr, c_void};
use std::ptr::{null, null_mut};

use crate::abi::{
    OFFLOOP_ERROR_NULL, OFFLOOP_NORMAL, OFFLOOP_OK, OFFLOOP_THREADS, offloop_call, offloop_id,
    offloop_outcome, offloop_ticket,
};
use crate::foreign::{check_pointer, read, write};
use crate::misuse::{Misuse, guarded, tell};
use crate::{errno, loops, submit};

/// What offloop_run takes off the loop: a function as a thread's is.
pub type offloop_work = Option<unsafe extern "C-unwind" fn(data: *mut c_void) -> *mut c_void>;

/// Gets the value, inside offloop_deliver, whose `state` it is given.
pub type offloop_then = Option<unsafe extern "C-unwind" fn(state: *mut c_void, value: *mut c_void)>;

/// Same as offloop_create(NULL, made), and then offloop_fd(*made), which it gives. Unix.
///
/// # Safety
/// `made` points to an offloop_id.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn offloop_open(made: *mut offloop_id) -> i32 {
    guarded(|| {
        check_pointer(made, "made")?;
        let id = loops::create(None)?;
        let fd = loops::fd(id)?;
        // SAFETY: the caller's promise.
        unsafe { write(made, "made", id) }?;
        Ok(fd)
    })
}

/// Same as then(state, function(data)), except that the function runs on another thread, and `then`
/// inside a later offloop_deliver, whose `state` it gets. errno is brought along. Never blocks.
///
/// If the function is not run, because too many calls wait, the offloop was closed or the system
/// has no more threads, the value is null, errno says why (EAGAIN, ECANCELED), and
/// offloop_last_error in a sentence; that one is empty where the function itself returned a null.
/// For a deadline, a ticket, destructors or another policy: offloop_submit. A value that `then`
/// never gets, because the offloop was shut down or destroyed before, is lost.
///
/// # Safety
/// `function` takes `data` on another thread; `then` takes what it gives, and the state of each
/// turn.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn offloop_run(
    off: offloop_id,
    function: offloop_work,
    data: *mut c_void,
    then: offloop_then,
) -> i32 {
    guarded(|| {
        let null = |what: &str| Misuse::new(OFFLOOP_ERROR_NULL, format!("{what} is null"));
        let function = function.ok_or_else(|| null("function"))?;
        let then = then.ok_or_else(|| null("then"))?;
        let (work, then) = (boxed(Work { function, data }), boxed(Then(then)));
        let call = offloop_call { data: work.cast(), user: then.cast(), ..described() };
        // SAFETY: the callbacks are those of this file, and each gets the box that it takes.
        let submitted = submit::submit(off, unsafe { read(&raw const call) }?);
        if submitted.is_err() {
            // SAFETY: a refusal takes nothing, and these are the boxes from above.
            drop(unsafe { (Box::from_raw(work), Box::from_raw(then)) });
        }
        submitted.map(|_ticket| OFFLOOP_OK)
    })
}

struct Work {
    function: unsafe extern "C-unwind" fn(*mut c_void) -> *mut c_void,
    data: *mut c_void,
}

struct Then(unsafe extern "C-unwind" fn(*mut c_void, *mut c_void));

/// What the function left behind.
struct Left {
    value: *mut c_void,
    errno: i32,
}

fn boxed<T>(value: T) -> *mut T {
    Box::into_raw(Box::new(value))
}

fn described() -> offloop_call {
    offloop_call {
        size: size_of::<offloop_call>(),
        function: Some(work),
        data: null_mut(),
        drop_data: Some(free::<Work>),
        drop_value: Some(free::<Left>),
        handler: Some(hand_over),
        on_progress: None,
        user: null_mut(),
        drop_user: Some(free::<Then>),
        name: null(),
        deadline_ms: 0,
        executor: OFFLOOP_THREADS,
        priority: OFFLOOP_NORMAL,
        policies: 0,
        in_order_key: 0,
        serial_key: 0,
        latest_key: 0,
    }
}

unsafe extern "C-unwind" fn free<T>(pointer: *mut c_void) {
    // SAFETY: it is the box that this destructor was given along with, and this runs once.
    drop(unsafe { Box::from_raw(pointer.cast::<T>()) });
}

unsafe extern "C-unwind" fn work(data: *mut c_void, _ticket: offloop_ticket) -> *mut c_void {
    // SAFETY: it is the box from `offloop_run`, which is freed after this.
    let work = unsafe { &*data.cast::<Work>() };
    // SAFETY: the caller of `offloop_run` promises that it takes this pointer, here.
    let value = unsafe { (work.function)(work.data) };
    boxed(Left { value, errno: errno::get() }).cast()
}

unsafe extern "C-unwind" fn hand_over(
    state: *mut c_void,
    user: *mut c_void,
    outcome: *const offloop_outcome,
) {
    // SAFETY: the one is the box from `offloop_run`, the other is an outcome; both outlive this.
    let (Then(then), outcome) = unsafe { (&*user.cast::<Then>(), &*outcome) };
    let left = if outcome.value.is_null() {
        Left { value: null_mut(), errno: errno::of_kind(outcome.kind) }
    } else {
        // SAFETY: it is the box that `work` made, and the handler's own.
        *unsafe { Box::from_raw(outcome.value.cast::<Left>()) }
    };
    // SAFETY: it is a string until this returns.
    tell(&unsafe { CStr::from_ptr(outcome.message) }.to_string_lossy());
    errno::set(left.errno);
    // SAFETY: the caller of `offloop_run` promises that it takes these.
    unsafe { then(state, left.value) };
}
