//! Errors as C sees them: a code, and a sentence for the thread that asked.
//!
//! Invariant: whatever happens inside a function of the ABI, a panic included, comes out as a code.

use std::any::Any;
use std::cell::RefCell;
use std::ffi::{CStr, CString, c_char};
use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::abi::OFFLOOP_ERROR_PANIC;
use crate::errno;

/// Why a function did not do what was asked.
#[derive(Debug)]
pub(crate) struct Misuse {
    pub(crate) code: i32,
    pub(crate) text: String,
    /// The system's own number, where it was the system.
    pub(crate) system: Option<i32>,
}

impl Misuse {
    pub(crate) fn new(code: i32, text: impl Into<String>) -> Self {
        Self { code, text: text.into(), system: None }
    }
}

thread_local! {
    static LAST: RefCell<CString> = RefCell::default();
}

/// Runs what a function of the ABI does.
pub(crate) fn guarded(what: impl FnOnce() -> Result<i32, Misuse>) -> i32 {
    let misuse = match catch_unwind(AssertUnwindSafe(what)) {
        Ok(Ok(number)) => return number,
        Ok(Err(misuse)) => misuse,
        Err(payload) => panicked(payload),
    };
    tell(&misuse.text);
    errno::set(misuse.system.unwrap_or_else(|| errno::of_error(misuse.code)));
    misuse.code
}

/// From now on this thread's last error.
pub(crate) fn tell(text: &str) {
    let text = c_string(text);
    // A thread that is ending has no place for it any more.
    let _ended = LAST.try_with(|last| *last.borrow_mut() = text);
}

fn panicked(payload: Box<dyn Any + Send>) -> Misuse {
    let message = payload.downcast_ref::<String>().map(String::as_str);
    let message = message.or_else(|| payload.downcast_ref::<&str>().copied());
    let text = format!("a panic was caught: {}", message.unwrap_or("it has no message"));
    // A payload's own destructor may panic in its turn.
    let _contained = catch_unwind(AssertUnwindSafe(|| drop(payload)));
    Misuse::new(OFFLOOP_ERROR_PANIC, text)
}

/// Where the last error's text stands, until this thread's next error.
pub(crate) fn last() -> *const c_char {
    const NONE: &CStr = c"";
    LAST.try_with(|last| last.borrow().as_ptr()).unwrap_or(NONE.as_ptr())
}

/// Text for C, which ends at a zero.
pub(crate) fn c_string(text: &str) -> CString {
    CString::new(text.replace('\0', " ")).unwrap_or_default()
}
