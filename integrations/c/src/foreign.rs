//! Pointers and callbacks of the other side, each owned by one value here.
//!
//! Invariant: a destructor of the other side runs once, when the value that owns its pointer is
//! dropped; nothing here looks behind a pointer that the other side calls its own.

use std::borrow::Cow;
use std::ffi::{CStr, c_void};
use std::ops::Deref;

use offloop::Outcome;

use crate::abi::{
    OFFLOOP_ERROR_INVALID, OFFLOOP_ERROR_NULL, OFFLOOP_OK, offloop_call, offloop_drop,
    offloop_function, offloop_handler, offloop_options, offloop_outcome, offloop_progress_handler,
    offloop_ticket, offloop_wake,
};
use crate::misuse::{Misuse, c_string};
use crate::submit::kind;

/// A struct of the ABI, which begins with its own size.
pub(crate) trait Struct: Copy {
    const NAME: &'static str;
}

impl Struct for offloop_options {
    const NAME: &'static str = "offloop_options";
}

impl Struct for offloop_call {
    const NAME: &'static str = "offloop_call";
}

/// A copy of a struct that the other side filled in: its pointers and functions are what the
/// header asks for.
pub(crate) struct Given<T>(T);

impl<T> Deref for Given<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

/// A copy of what stands at `from`.
///
/// # Safety
/// `from` is null, or the struct that it points to is filled in as the header asks.
pub(crate) unsafe fn read<T: Struct>(from: *const T) -> Result<Given<T>, Misuse> {
    check_pointer(from, T::NAME)?;
    // SAFETY: it is aligned and not null, and each such struct begins with its size, a `size_t`.
    let size = unsafe { from.cast::<usize>().read() };
    let own = size_of::<T>();
    if size != own {
        let text = format!("{0}.size is {size}, and sizeof({0}) is {own}: set it", T::NAME);
        return Err(Misuse::new(OFFLOOP_ERROR_INVALID, text));
    }
    // SAFETY: as above, and it says that it is as large; each of its fields is an integer, a
    // pointer or a nullable function pointer, so that any bytes are a value.
    Ok(Given(unsafe { from.read() }))
}

/// Puts a result where the other side wants it.
///
/// # Safety
/// `to` is null, or points to what can be written.
pub(crate) unsafe fn write<T>(to: *mut T, name: &str, value: T) -> Result<(), Misuse> {
    check_pointer(to, name)?;
    // SAFETY: it is aligned and not null, and the caller promises the rest.
    unsafe { to.write(value) };
    Ok(())
}

pub(crate) fn check_pointer<T>(pointer: *const T, name: &str) -> Result<(), Misuse> {
    if pointer.is_null() {
        return Err(Misuse::new(OFFLOOP_ERROR_NULL, format!("{name} is null")));
    }
    if !pointer.is_aligned() {
        return Err(Misuse::new(OFFLOOP_ERROR_INVALID, format!("{name} is not aligned")));
    }
    Ok(())
}

impl Given<offloop_call> {
    /// A copy of the name; none for a null.
    pub(crate) fn call_name(&self) -> Option<Cow<'static, str>> {
        if self.name.is_null() {
            return None;
        }
        // SAFETY: a struct that is `Given` has a string that ends with a zero there.
        let name = unsafe { CStr::from_ptr(self.name) };
        Some(Cow::Owned(name.to_string_lossy().into_owned()))
    }
}

/// A pointer with its destructor.
struct Owned {
    pointer: *mut c_void,
    destructor: offloop_drop,
}

impl Drop for Owned {
    fn drop(&mut self) {
        if let Some(destructor) = self.destructor.take() {
            // SAFETY: it was `Given`, so that it is a function that takes this pointer once, and this is the
            // only call: the destructor has been taken.
            unsafe { destructor(self.pointer) };
        }
    }
}

/// The function and what it works on.
pub(crate) struct Function {
    function: offloop_function,
    data: Owned,
    drop_value: offloop_drop,
}

// SAFETY: the header says that the function and the destructors of data and value run on other
// threads than the one that submits, so what they are given is good for that.
unsafe impl Send for Function {}

impl Function {
    pub(crate) fn new(call: &Given<offloop_call>) -> Self {
        let data = Owned { pointer: call.data, destructor: call.drop_data };
        Self { function: call.function, data, drop_value: call.drop_value }
    }

    /// The data's destructor runs behind it, in any case.
    pub(crate) fn run(self, ticket: offloop_ticket) -> Value {
        let mut value = Owned { pointer: std::ptr::null_mut(), destructor: None };
        if let Some(function) = self.function {
            // SAFETY: it was `Given`, so that it is a function that takes this pointer on any thread, and it
            // is called once: `self` is used up.
            value.pointer = unsafe { function(self.data.pointer, ticket) };
        }
        if !value.pointer.is_null() {
            value.destructor = self.drop_value;
        }
        Value(value)
    }
}

/// What a function returned; nobody has taken it yet.
pub(crate) struct Value(Owned);

// SAFETY: as for the function that made it.
unsafe impl Send for Value {}

impl Value {
    fn take(mut self) -> *mut c_void {
        self.0.destructor = None;
        self.0.pointer
    }
}

/// The state that handlers change, as `offloop_deliver` was given it.
pub(crate) struct State(*mut c_void);

impl State {
    /// # Safety
    /// It is what the handlers take that the turn may run.
    pub(crate) unsafe fn new(state: *mut c_void) -> Self {
        Self(state)
    }
}

/// What the handlers of a call share.
pub(crate) struct User(Owned);

// SAFETY: it is looked at and dropped on the loop thread only, whichever thread submits: a loop is
// not destroyed while another thread submits to it.
unsafe impl Send for User {}
// SAFETY: as above.
unsafe impl Sync for User {}

impl User {
    pub(crate) fn new(call: &Given<offloop_call>) -> Self {
        Self(Owned { pointer: call.user, destructor: call.drop_user })
    }

    pub(crate) fn handle(
        &self,
        handler: offloop_handler,
        state: &State,
        ticket: offloop_ticket,
        outcome: Outcome<Value>,
    ) {
        let Some(handler) = handler else { return };
        let (kind, value, text) = match outcome {
            Ok(value) => (OFFLOOP_OK as u32, value.take(), String::new()),
            Err(failure) => (kind(&failure), std::ptr::null_mut(), failure.to_string()),
        };
        let text = c_string(&text);
        let outcome = offloop_outcome { ticket, value, message: text.as_ptr(), kind };
        // SAFETY: it was `Given`, so that it is a function that takes these on the loop thread, where this
        // runs; the outcome and its text live until it returns.
        unsafe { handler(state.0, self.0.pointer, &raw const outcome) };
    }

    pub(crate) fn progress(
        &self,
        handler: offloop_progress_handler,
        state: &State,
        (done, of): (u64, u64),
    ) {
        if let Some(handler) = handler {
            // SAFETY: as for the outcome's handler.
            unsafe { handler(state.0, self.0.pointer, done, of) };
        }
    }
}

/// The callback that wakes the loop.
pub(crate) struct Wake {
    wake: offloop_wake,
    data: *mut c_void,
}

// SAFETY: the header says that it is called from any thread, from several at once too, so what it
// is given is good for that.
unsafe impl Send for Wake {}
// SAFETY: as above.
unsafe impl Sync for Wake {}

impl Wake {
    pub(crate) fn new(options: &Given<offloop_options>) -> Self {
        Self { wake: options.wake, data: options.wake_data }
    }

    pub(crate) fn call(&self) {
        if let Some(wake) = self.wake {
            // SAFETY: it was `Given`, so that it is a function that takes this pointer on any thread until
            // the loop is destroyed, and `Gate` lets none in afterwards.
            unsafe { wake(self.data) };
        }
    }
}
