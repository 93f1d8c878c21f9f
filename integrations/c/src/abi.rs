//! What C sees: types, numbers and functions, each with the docs that the header has.
//!
//! Invariant: each function does one thing inside `guarded`, and no struct is read or written but
//! by `foreign`, after its pointer has been looked at.
#![allow(non_camel_case_types)]

use std::ffi::{c_char, c_void};

use crate::foreign::{State, check_pointer, read, write};
use crate::misuse::guarded;
use crate::{calls, loops, misuse, submit, wake};

/// An offloop. 0 is none.
pub type offloop_id = u64;

/// A call that was submitted, from then until its outcome has been delivered and its function has
/// ended. 0 is none.
pub type offloop_ticket = u64;

/// It was done; the kind of an outcome with a value.
pub const OFFLOOP_OK: i32 = 0;
/// A pointer is null that must not be.
pub const OFFLOOP_ERROR_NULL: i32 = -1;
/// An option or a pointer that can't be right; or a `size` that is not that of the struct.
pub const OFFLOOP_ERROR_INVALID: i32 = -2;
/// There is no such offloop or call, or none any more.
pub const OFFLOOP_ERROR_UNKNOWN: i32 = -3;
/// It was asked on another thread than the loop's.
pub const OFFLOOP_ERROR_THREAD: i32 = -4;
/// It was asked inside a handler or a wake callback, where it can't be done.
pub const OFFLOOP_ERROR_NESTED: i32 = -5;
/// What was asked does not fit what the offloop or the call is, or has come to; or this process was
/// forked from the one that made it.
pub const OFFLOOP_ERROR_STATE: i32 = -6;
/// The system refused a thread or a descriptor.
pub const OFFLOOP_ERROR_SYSTEM: i32 = -7;
/// A panic of Rust was caught: of a handler in Rust, or of a turn in a forked child.
pub const OFFLOOP_ERROR_PANIC: i32 = -8;

/// The function panicked, which one in C never does.
pub const OFFLOOP_PANICKED: u32 = 1;
/// The deadline passed.
pub const OFFLOOP_TIMED_OUT: u32 = 2;
/// It was cancelled by its ticket.
pub const OFFLOOP_CANCELLED: u32 = 3;
/// A newer call with the same key of OFFLOOP_LATEST came.
pub const OFFLOOP_SUPERSEDED: u32 = 4;
/// Too many calls were waiting.
pub const OFFLOOP_QUEUE_FULL: u32 = 5;
/// It was refused for another reason, which the message tells.
pub const OFFLOOP_REJECTED: u32 = 6;
/// The offloop was closed, shut down or destroyed before.
pub const OFFLOOP_SHUT_DOWN: u32 = 7;

/// The loop watches the descriptor of offloop_fd for reading. Unix.
pub const OFFLOOP_WAKE_FD: u32 = 0;
/// The loop is woken by a callback.
pub const OFFLOOP_WAKE_CALLBACK: u32 = 1;
/// The loop polls: it calls offloop_deliver each time round.
pub const OFFLOOP_WAKE_NONE: u32 = 2;

/// For blocking calls: a pool that grows and shrinks.
pub const OFFLOOP_THREADS: u32 = 0;
/// For computing calls: as many threads as cores, less one.
pub const OFFLOOP_CORES: u32 = 1;

/// Before and after those of high and of low priority.
pub const OFFLOOP_NORMAL: u32 = 0;
/// Ahead of all others that wait.
pub const OFFLOOP_HIGH: u32 = 1;
/// Behind all others that wait.
pub const OFFLOOP_LOW: u32 = 2;

/// Handlers of calls with an equal `in_order_key` run in submit order.
pub const OFFLOOP_IN_ORDER: u32 = 1;
/// Functions of calls with an equal `serial_key` run one at a time, in submit order.
pub const OFFLOOP_SERIAL: u32 = 2;
/// A call supersedes earlier ones with an equal `latest_key`.
pub const OFFLOOP_LATEST: u32 = 4;
/// `on_progress` hears of each value, and the function waits while 64 of them wait for the loop;
/// without, of the newest.
pub const OFFLOOP_EACH_PROGRESS: u32 = 8;

/// Makes the loop call offloop_deliver soon. On any thread, on several at once too; it must not block.
pub type offloop_wake = Option<unsafe extern "C-unwind" fn(data: *mut c_void)>;

/// What is taken off the loop; gives the value, which may be null.
pub type offloop_function =
    Option<unsafe extern "C-unwind" fn(data: *mut c_void, ticket: offloop_ticket) -> *mut c_void>;

/// Ends what a pointer points to.
pub type offloop_drop = Option<unsafe extern "C-unwind" fn(pointer: *mut c_void)>;

/// Gets the outcome, inside offloop_deliver, whose `state` it is given.
pub type offloop_handler = Option<
    unsafe extern "C-unwind" fn(
        state: *mut c_void,
        user: *mut c_void,
        outcome: *const offloop_outcome,
    ),
>;

/// Gets what offloop_progress was given, inside offloop_deliver.
pub type offloop_progress_handler =
    Option<unsafe extern "C-unwind" fn(state: *mut c_void, user: *mut c_void, done: u64, of: u64)>;

/// How to make an offloop. All zero but the size is the default.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct offloop_options {
    /// `sizeof(offloop_options)`.
    pub size: usize,
    /// OFFLOOP_WAKE_FD, OFFLOOP_WAKE_CALLBACK or OFFLOOP_WAKE_NONE.
    pub waking: u32,
    /// Threads of OFFLOOP_THREADS, at most; 0: 64.
    pub threads_max: u32,
    /// Threads of OFFLOOP_CORES; 0: as many as cores, less one.
    pub cores: u32,
    /// Calls that may wait for each of the two; 0: 65536.
    pub queue: u32,
    /// Handlers per turn, at most; 0: 1024.
    pub turn_max_calls: u32,
    /// Time per turn, after which the handler that runs is its last; 0: 4000.
    pub turn_max_us: u32,
    /// For OFFLOOP_WAKE_CALLBACK. Not called any more once offloop_destroy has returned.
    pub wake: offloop_wake,
    /// What `wake` is given.
    pub wake_data: *mut c_void,
}

/// A call to submit. All zero but size, function and handler is the default.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct offloop_call {
    /// `sizeof(offloop_call)`.
    pub size: usize,
    /// Runs on another thread.
    pub function: offloop_function,
    /// What `function` is given.
    pub data: *mut c_void,
    /// Runs once with `data`, off the loop thread: behind the function, or in its place when a thread
    /// comes to a call that has ended, or behind offloop_destroy.
    pub drop_data: offloop_drop,
    /// Runs with a value that no handler gets, off the loop thread or in offloop_destroy.
    pub drop_value: offloop_drop,
    /// Runs on the loop thread.
    pub handler: offloop_handler,
    /// Runs on the loop thread, before `handler`; may be null.
    pub on_progress: offloop_progress_handler,
    /// What `handler` and `on_progress` are given.
    pub user: *mut c_void,
    /// Runs once with `user`, on the loop thread: behind the handler, or in its place.
    pub drop_user: offloop_drop,
    /// For reports, in UTF-8; may be null.
    pub name: *const c_char,
    /// Time from the submit on, after which the outcome is OFFLOOP_TIMED_OUT; 0: no deadline. A
    /// function that runs then goes on until it returns, and its value is dropped.
    pub deadline_ms: u64,
    /// OFFLOOP_THREADS or OFFLOOP_CORES.
    pub executor: u32,
    /// OFFLOOP_NORMAL, OFFLOOP_HIGH or OFFLOOP_LOW.
    pub priority: u32,
    /// OFFLOOP_IN_ORDER, OFFLOOP_SERIAL, OFFLOOP_LATEST and OFFLOOP_EACH_PROGRESS, or'ed.
    pub policies: u32,
    /// Counts with OFFLOOP_IN_ORDER.
    pub in_order_key: u64,
    /// Counts with OFFLOOP_SERIAL.
    pub serial_key: u64,
    /// Counts with OFFLOOP_LATEST.
    pub latest_key: u64,
}

/// What came of a call.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct offloop_outcome {
    /// The call's.
    pub ticket: offloop_ticket,
    /// What the function returned, which is the handler's now; null if `kind` is not OFFLOOP_OK.
    pub value: *mut c_void,
    /// What happened instead, in a sentence, until the handler returns; empty if there is a value.
    pub message: *const c_char,
    /// OFFLOOP_OK, OFFLOOP_PANICKED, OFFLOOP_TIMED_OUT, OFFLOOP_CANCELLED, OFFLOOP_SUPERSEDED,
    /// OFFLOOP_QUEUE_FULL, OFFLOOP_REJECTED or OFFLOOP_SHUT_DOWN.
    pub kind: u32,
}

/// What a shutdown came to.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct offloop_report {
    /// Functions that were running, and returned in time.
    pub finished: usize,
    /// Calls that waited; their functions were never run.
    pub never_started: usize,
    /// Functions that were still running at its end.
    pub abandoned: usize,
    /// The names of their calls, one a line, until the offloop is destroyed.
    pub abandoned_names: *const c_char,
}

/// Makes an offloop for the calling thread's loop, and starts the one thread that each has.
///
/// End it by offloop_destroy. A thread that ends before that does it, and so may the whole program.
///
/// # Safety
/// `options` is null (the default) or points to an offloop_options; `made` to an offloop_id.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn offloop_create(
    options: *const offloop_options,
    made: *mut offloop_id,
) -> i32 {
    guarded(|| {
        check_pointer(made, "made")?;
        let mut given = None;
        if !options.is_null() {
            // SAFETY: the caller's promise.
            given = Some(unsafe { read(options) }?);
        }
        let id = loops::create(given)?;
        // SAFETY: as above.
        unsafe { write(made, "made", id) }?;
        Ok(OFFLOOP_OK)
    })
}

/// Submits a call. Never blocks. On any thread; from others than the loop's too.
///
/// One that can't be taken, because the queue is full or the offloop closed, is OFFLOOP_OK here: its handler hears of it.
///
/// # Safety
/// `call` points to an offloop_call whose functions and pointers are good as the header's head
/// says; `ticket` is null or points to an offloop_ticket.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn offloop_submit(
    off: offloop_id,
    call: *const offloop_call,
    ticket: *mut offloop_ticket,
) -> i32 {
    guarded(|| {
        if !ticket.is_null() {
            check_pointer(ticket, "ticket")?;
        }
        // SAFETY: the caller's promise.
        let number = submit::submit(off, unsafe { read(call) }?)?;
        if !ticket.is_null() {
            // SAFETY: as above.
            unsafe { write(ticket, "ticket", number) }?;
        }
        Ok(OFFLOOP_OK)
    })
}

/// Cancels a call: its outcome is OFFLOOP_CANCELLED, unless it has one. On any thread.
///
/// A function that waits will not run; one that runs goes on until it returns, and can ask
/// offloop_is_cancelled. OFFLOOP_ERROR_UNKNOWN says that the call has ended, which is no harm.
#[unsafe(no_mangle)]
pub extern "C" fn offloop_cancel(ticket: offloop_ticket) -> i32 {
    guarded(|| {
        wake::assert_outside()?;
        calls::cancel(ticket)?;
        Ok(OFFLOOP_OK)
    })
}

/// 1 if the outcome is decided, 0 if not. On any thread. OFFLOOP_ERROR_UNKNOWN: it was delivered.
#[unsafe(no_mangle)]
pub extern "C" fn offloop_is_done(ticket: offloop_ticket) -> i32 {
    guarded(|| Ok(calls::is_done(ticket)?.into()))
}

/// Inside the call's function: 1 if nobody wants its value any more (it was cancelled or
/// superseded, its deadline passed, the offloop is shutting down), 0 if somebody does. Never
/// blocks.
#[unsafe(no_mangle)]
pub extern "C" fn offloop_is_cancelled(ticket: offloop_ticket) -> i32 {
    guarded(|| Ok(calls::is_cancelled(ticket)?.into()))
}

/// Inside the call's function: sends two numbers to `on_progress`. Without one it does nothing.
#[unsafe(no_mangle)]
pub extern "C" fn offloop_progress(ticket: offloop_ticket, done: u64, of: u64) -> i32 {
    guarded(|| {
        wake::assert_outside()?;
        calls::progress(ticket, done, of)?;
        Ok(OFFLOOP_OK)
    })
}

/// One turn: runs the handlers whose outcomes are there. Gives how many. `state` is what they get.
///
/// Call it where the loop was woken, on the loop thread. If the turn's limit ended it, the loop is
/// woken again, and `more` is set, for one that polls. Inside a handler it runs nothing and is
/// OFFLOOP_ERROR_NESTED; the outer turn wakes the loop when it ends, so a loop that a handler runs
/// may call it.
///
/// # Safety
/// `state` is what the handlers take; `more` is null or points to a bool.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn offloop_deliver(
    off: offloop_id,
    state: *mut c_void,
    more: *mut bool,
) -> i32 {
    guarded(|| {
        // SAFETY: the caller's promise.
        let delivered = loops::deliver(off, unsafe { State::new(state) })?;
        if !more.is_null() {
            // SAFETY: as above.
            unsafe { write(more, "more", delivered.more) }?;
        }
        Ok(i32::try_from(delivered.count).unwrap_or(i32::MAX))
    })
}

/// The descriptor to watch for reading, level- or edge-triggered, if it was made with
/// OFFLOOP_WAKE_FD. Call offloop_deliver when it is readable; that resets it. It is the offloop's
/// own: do not read or close it, and stop watching it before offloop_destroy.
#[unsafe(no_mangle)]
pub extern "C" fn offloop_fd(off: offloop_id) -> i32 {
    guarded(|| loops::fd(off))
}

/// How many calls have not been delivered yet.
#[unsafe(no_mangle)]
pub extern "C" fn offloop_pending(off: offloop_id) -> i32 {
    guarded(|| Ok(i32::try_from(loops::pending(off)?).unwrap_or(i32::MAX)))
}

/// Refuses new calls, and turns those that wait into OFFLOOP_SHUT_DOWN. What runs may finish. Never
/// blocks: go on delivering until offloop_is_closed.
#[unsafe(no_mangle)]
pub extern "C" fn offloop_close(off: offloop_id) -> i32 {
    guarded(|| {
        loops::close(off)?;
        Ok(OFFLOOP_OK)
    })
}

/// 1 if it was closed and every call has been delivered since, else 0.
#[unsafe(no_mangle)]
pub extern "C" fn offloop_is_closed(off: offloop_id) -> i32 {
    guarded(|| Ok(loops::is_closed(off)?.into()))
}

/// Closes it, asks what runs to stop, and waits for that, at most `within_ms`. All outcomes are decided
/// then; offloop_deliver still hands them over. Inside a handler only with 0.
///
/// # Safety
/// `report` is null or points to an offloop_report.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn offloop_shutdown(
    off: offloop_id,
    within_ms: u64,
    report: *mut offloop_report,
) -> i32 {
    guarded(|| {
        if !report.is_null() {
            check_pointer(report, "report")?;
        }
        let came_to = loops::shutdown(off, within_ms)?;
        if !report.is_null() {
            // SAFETY: the caller's promise.
            unsafe { write(report, "report", came_to) }?;
        }
        Ok(OFFLOOP_OK)
    })
}

/// Ends it, as by a shutdown that does not wait, and drops what no turn has handled: `drop_user`
/// runs here. Not inside a handler. What is left of it is told no more: its tickets and itself are unknown.
#[unsafe(no_mangle)]
pub extern "C" fn offloop_destroy(off: offloop_id) -> i32 {
    guarded(|| {
        loops::destroy(off)?;
        Ok(OFFLOOP_OK)
    })
}

/// Why the last function that failed on this thread did, in a sentence; empty if none did. Until
/// the next one fails on this thread.
#[unsafe(no_mangle)]
pub extern "C" fn offloop_last_error() -> *const c_char {
    misuse::last()
}

/// The version of this library, for ever.
#[unsafe(no_mangle)]
pub extern "C" fn offloop_version() -> *const c_char {
    concat!(env!("CARGO_PKG_VERSION"), "\0").as_ptr().cast()
}
