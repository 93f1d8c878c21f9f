//! A call whose every part counts, and the functions of the ABI with Rust's types.
//!
//! Invariant: what is given to the ABI is boxed here and freed by its destructor alone, so that one
//! which runs twice is a double free, and one which does not run is missed in the counts.

use std::ffi::{CStr, c_void};
use std::ptr::{null, null_mut};
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::thread::{self, ThreadId};
use std::time::{Duration, Instant};

use offloop_c::*;

/// What one call came to.
#[derive(Default)]
pub(crate) struct Seen {
    pub(crate) runs: AtomicUsize,
    pub(crate) data_drops: Mutex<Vec<ThreadId>>,
    pub(crate) value_drops: AtomicUsize,
    pub(crate) user_drops: Mutex<Vec<ThreadId>>,
    /// Kind, value and message.
    pub(crate) outcomes: Mutex<Vec<(u32, Option<u64>, String)>>,
    pub(crate) progress: Mutex<Vec<(u64, u64)>>,
    pub(crate) states: Mutex<Vec<usize>>,
    pub(crate) tickets: Mutex<Vec<offloop_ticket>>,
}

impl Seen {
    pub(crate) fn kinds(&self) -> Vec<u32> {
        self.outcomes.lock().unwrap().iter().map(|outcome| outcome.0).collect()
    }

    /// Data and user were dropped once each, once the call is out of the way of all threads.
    pub(crate) fn assert_dropped_once(&self) {
        wait_until("its data is dropped", || !self.data_drops.lock().unwrap().is_empty());
        assert_eq!(self.data_drops.lock().unwrap().len(), 1, "drops of data");
        assert_eq!(self.user_drops.lock().unwrap().len(), 1, "drops of user");
    }
}

type Job = Box<dyn FnOnce(offloop_ticket) -> u64 + Send>;
type Hook = Box<dyn FnMut() + Send>;

struct Data(Option<Job>, Arc<Seen>);
struct Value(u64, Arc<Seen>);
struct User(Option<Hook>, Arc<Seen>);

unsafe extern "C-unwind" fn function(data: *mut c_void, ticket: offloop_ticket) -> *mut c_void {
    // SAFETY: `data` is the box that `Probe::submit` made, and is dropped after this.
    let data = unsafe { &mut *data.cast::<Data>() };
    data.1.runs.fetch_add(1, SeqCst);
    let number = (data.0.take().expect("a function runs once"))(ticket);
    if number == 0 {
        return null_mut();
    }
    Box::into_raw(Box::new(Value(number, data.1.clone()))).cast()
}

unsafe extern "C-unwind" fn drop_data(data: *mut c_void) {
    // SAFETY: it is the box that `Probe::submit` made, and this runs once.
    let data = unsafe { Box::from_raw(data.cast::<Data>()) };
    data.1.data_drops.lock().unwrap().push(thread::current().id());
}

unsafe extern "C-unwind" fn drop_value(value: *mut c_void) {
    // SAFETY: it is the box that `function` made, and nobody else has it.
    let value = unsafe { Box::from_raw(value.cast::<Value>()) };
    value.1.value_drops.fetch_add(1, SeqCst);
}

unsafe extern "C-unwind" fn handler(
    state: *mut c_void,
    user: *mut c_void,
    outcome: *const offloop_outcome,
) {
    // SAFETY: both live until this returns, and nobody else has them.
    let (user, outcome) = unsafe { (&mut *user.cast::<User>(), &*outcome) };
    let value = (!outcome.value.is_null()).then(|| {
        // SAFETY: it is the box that `function` made, and the handler's own.
        unsafe { Box::from_raw(outcome.value.cast::<Value>()) }.0
    });
    // SAFETY: it is a string, until this returns.
    let message = unsafe { CStr::from_ptr(outcome.message) }.to_str().unwrap().to_owned();
    user.1.outcomes.lock().unwrap().push((outcome.kind, value, message));
    user.1.states.lock().unwrap().push(state.addr());
    user.1.tickets.lock().unwrap().push(outcome.ticket);
    if let Some(hook) = &mut user.0 {
        hook();
    }
}

unsafe extern "C-unwind" fn on_progress(_: *mut c_void, user: *mut c_void, done: u64, of: u64) {
    // SAFETY: as for the handler.
    let user = unsafe { &mut *user.cast::<User>() };
    user.1.progress.lock().unwrap().push((done, of));
}

unsafe extern "C-unwind" fn drop_user(user: *mut c_void) {
    // SAFETY: it is the box that `Probe::submit` made, and this runs once.
    let user = unsafe { Box::from_raw(user.cast::<User>()) };
    user.1.user_drops.lock().unwrap().push(thread::current().id());
}

/// A call to submit.
pub(crate) struct Probe {
    pub(crate) call: offloop_call,
    pub(crate) job: Job,
    pub(crate) hook: Option<Hook>,
}

impl Probe {
    pub(crate) fn new(job: impl FnOnce(offloop_ticket) -> u64 + Send + 'static) -> Self {
        let call = offloop_call {
            size: size_of::<offloop_call>(),
            function: Some(function),
            drop_data: Some(drop_data),
            drop_value: Some(drop_value),
            handler: Some(handler),
            on_progress: Some(on_progress),
            drop_user: Some(drop_user),
            ..empty_call()
        };
        Self { call, job: Box::new(job), hook: None }
    }

    pub(crate) fn with(mut self, set: impl FnOnce(&mut offloop_call)) -> Self {
        set(&mut self.call);
        self
    }

    /// Runs at the end of the handler.
    pub(crate) fn hook(mut self, hook: impl FnMut() + Send + 'static) -> Self {
        self.hook = Some(Box::new(hook));
        self
    }

    pub(crate) fn submit(self, off: offloop_id) -> (Arc<Seen>, offloop_ticket) {
        let (code, seen, ticket) = self.try_submit(off);
        assert_eq!(code, OFFLOOP_OK, "{}", last_error());
        (seen, ticket)
    }

    /// After a refusal, its data and user are freed here, where they stayed.
    pub(crate) fn try_submit(mut self, off: offloop_id) -> (i32, Arc<Seen>, offloop_ticket) {
        let seen = Arc::new(Seen::default());
        let data = Box::into_raw(Box::new(Data(Some(self.job), seen.clone())));
        let user = Box::into_raw(Box::new(User(self.hook, seen.clone())));
        (self.call.data, self.call.user) = (data.cast(), user.cast());
        let mut ticket = 0;
        // SAFETY: the struct is filled in, and the ticket can be written.
        let code = unsafe { offloop_submit(off, &raw const self.call, &raw mut ticket) };
        if code != OFFLOOP_OK {
            // SAFETY: a refusal takes nothing.
            drop(unsafe { (Box::from_raw(data), Box::from_raw(user)) });
        }
        (code, seen, ticket)
    }
}

/// What `offloop_run` brought to `then`: the value, errno and the last error.
pub(crate) type Brought = Mutex<Vec<(Option<u64>, i32, String)>>;

type Work = Box<dyn FnOnce() -> Option<u64> + Send>;

unsafe extern "C-unwind" fn work(data: *mut c_void) -> *mut c_void {
    // SAFETY: `data` is the box that `run` leaked.
    let work = unsafe { Box::from_raw(data.cast::<Work>()) };
    work().map_or(null_mut(), |value| Box::into_raw(Box::new(value)).cast())
}

unsafe extern "C-unwind" fn then(state: *mut c_void, value: *mut c_void) {
    let errno = std::io::Error::last_os_error().raw_os_error().unwrap();
    // SAFETY: it is the box that `work` made, if it is not null.
    let value = (!value.is_null()).then(|| *unsafe { Box::from_raw(value.cast::<u64>()) });
    // SAFETY: it is what `deliver_to_brought` lends.
    let brought = unsafe { &*state.cast::<Brought>() };
    brought.lock().unwrap().push((value, errno, last_error()));
}

/// `offloop_run` of a closure; after a refusal it is freed here, where it stayed.
pub(crate) fn run(off: offloop_id, job: impl FnOnce() -> Option<u64> + Send + 'static) -> i32 {
    let job: Work = Box::new(job);
    let data = Box::into_raw(Box::new(job));
    // SAFETY: `work` takes the box, and `then` a `Brought`.
    let code = unsafe { offloop_run(off, Some(work), data.cast(), Some(then)) };
    if code != OFFLOOP_OK {
        // SAFETY: a refusal takes nothing.
        drop(unsafe { Box::from_raw(data) });
    }
    code
}

/// A turn of calls of `run`.
pub(crate) fn deliver_to_brought(off: offloop_id, brought: &Brought) -> i32 {
    deliver_to(off, std::ptr::from_ref(brought).cast_mut().cast())
}

/// `offloop_run` without a function, and without a `then`.
pub(crate) fn run_nulls(off: offloop_id) -> [i32; 2] {
    // SAFETY: nulls are looked at.
    unsafe {
        [
            offloop_run(off, None, null_mut(), Some(then)),
            offloop_run(off, Some(work), null_mut(), None),
        ]
    }
}

/// `offloop_open`: the descriptor, and the offloop.
pub(crate) fn open() -> (i32, offloop_id) {
    let mut off = 0;
    // SAFETY: the number can be written.
    let fd = unsafe { offloop_open(&raw mut off) };
    (fd, off)
}

pub(crate) fn open_null() -> i32 {
    // SAFETY: a null is looked at.
    unsafe { offloop_open(null_mut()) }
}

pub(crate) fn empty_call() -> offloop_call {
    offloop_call {
        size: 0,
        function: None,
        data: null_mut(),
        drop_data: None,
        drop_value: None,
        handler: None,
        on_progress: None,
        user: null_mut(),
        drop_user: None,
        name: null(),
        deadline_ms: 0,
        executor: 0,
        priority: 0,
        policies: 0,
        in_order_key: 0,
        serial_key: 0,
        latest_key: 0,
    }
}

pub(crate) fn options() -> offloop_options {
    offloop_options {
        size: size_of::<offloop_options>(),
        waking: OFFLOOP_WAKE_FD,
        threads_max: 0,
        cores: 0,
        queue: 0,
        turn_max_calls: 0,
        turn_max_us: 0,
        wake: None,
        wake_data: null_mut(),
    }
}

unsafe extern "C-unwind" fn wake(data: *mut c_void) {
    // SAFETY: it is the closure that `woken_by` leaked.
    let wake = unsafe { &*data.cast::<Box<dyn Fn() + Send + Sync>>() };
    wake();
}

/// Options with a wake callback, which is never freed.
pub(crate) fn woken_by(callback: impl Fn() + Send + Sync + 'static) -> offloop_options {
    let callback: Box<dyn Fn() + Send + Sync> = Box::new(callback);
    let data = Box::leak(Box::new(callback));
    let data: *mut Box<dyn Fn() + Send + Sync> = data;
    offloop_options {
        waking: OFFLOOP_WAKE_CALLBACK,
        wake: Some(wake),
        wake_data: data.cast(),
        ..options()
    }
}

pub(crate) fn try_create(options: &offloop_options) -> (i32, offloop_id) {
    let mut off = 0;
    // SAFETY: the struct is filled in, and the number can be written.
    let code = unsafe { offloop_create(options, &raw mut off) };
    (code, off)
}

pub(crate) fn create(options: &offloop_options) -> offloop_id {
    let (code, off) = try_create(options);
    assert_eq!(code, OFFLOOP_OK, "{}", last_error());
    off
}

pub(crate) fn create_null(options: Option<&offloop_options>) -> i32 {
    let options = options.map_or(null(), |options| options);
    // SAFETY: nulls are looked at.
    unsafe { offloop_create(options, null_mut()) }
}

pub(crate) fn submit_raw(off: offloop_id, call: *const offloop_call) -> i32 {
    // SAFETY: the callers give a null, a pointer that is not aligned, or a struct without pointers.
    unsafe { offloop_submit(off, call, null_mut()) }
}

pub(crate) fn deliver(off: offloop_id) -> i32 {
    deliver_to(off, null_mut())
}

pub(crate) fn deliver_to(off: offloop_id, state: *mut c_void) -> i32 {
    // SAFETY: `handler` looks at the state's address alone, and `then` gets what it takes.
    unsafe { offloop_deliver(off, state, null_mut()) }
}

/// A turn, and whether it left more.
pub(crate) fn deliver_more(off: offloop_id) -> (i32, bool) {
    let mut more = false;
    // SAFETY: as above, and `more` can be written.
    let count = unsafe { offloop_deliver(off, null_mut(), &raw mut more) };
    (count, more)
}

pub(crate) fn shutdown(off: offloop_id, within_ms: u64) -> (i32, offloop_report, String) {
    let mut report =
        offloop_report { finished: 9, never_started: 9, abandoned: 9, abandoned_names: null() };
    // SAFETY: the report can be written.
    let code = unsafe { offloop_shutdown(off, within_ms, &raw mut report) };
    let mut names = String::new();
    if !report.abandoned_names.is_null() {
        // SAFETY: it is a string until the offloop is destroyed.
        names = unsafe { CStr::from_ptr(report.abandoned_names) }.to_str().unwrap().to_owned();
    }
    (code, report, names)
}

pub(crate) fn last_error() -> String {
    // SAFETY: it is a string until the next error of this thread.
    unsafe { CStr::from_ptr(offloop_last_error()) }.to_str().unwrap().to_owned()
}

/// Turns, until `done`.
pub(crate) fn deliver_until(off: offloop_id, done: impl Fn() -> bool) {
    wait_until("the turns bring it", || {
        assert!(deliver(off) >= 0, "{}", last_error());
        done()
    });
}

/// Far more than anything needs: it only ends a test that hangs.
pub(crate) fn wait_until(what: &str, done: impl Fn() -> bool) {
    let began = Instant::now();
    while !done() {
        assert!(began.elapsed() < Duration::from_secs(60), "not in a minute: {what}");
        thread::sleep(Duration::from_millis(1));
    }
}
