//! What comes back: a value, or why there is none. Invariant: a call has exactly one [`Outcome`],
//! and each failure reads as one sentence.

use std::any::Any;
use std::borrow::Cow;
use std::fmt;
use std::panic::Location;
use std::sync::{Arc, Mutex, PoisonError};

/// What a call came to: its value, or the one reason why there is none.
pub type Outcome<T> = Result<T, Failure>;

/// Why a call has no value.
///
/// Every variant is an outcome like any other: it reaches the handler on the loop thread, in
/// the same way as a value. `Display` gives one sentence.
///
/// ```
/// use offloop::{By, Failure};
/// assert_eq!(
///     Failure::Cancelled(By::Caller).to_string(),
///     "the call was cancelled by its ticket or its future"
/// );
/// ```
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Failure {
    /// The function panicked; the worker that ran it lives on.
    Panicked(Panic),
    /// The deadline passed, the wait in the queue included. A function that is still running is
    /// *abandoned*: it goes on until it returns, and what it returns is dropped. In a worker process
    /// it is killed.
    TimedOut,
    /// The call was cancelled before its result was there.
    Cancelled(By),
    /// The call was refused, and its function was not run.
    Rejected(Reason),
    /// The worker process died under this call, or before its result arrived.
    Died(Exit),
    /// An argument or a result could not be encoded or decoded.
    Codec(CodecError),
    /// offloop was closed or shut down before the call ran or finished.
    Shutdown,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::Panicked(panic) => panic.fmt(f),
            Failure::TimedOut => f.write_str("the call's deadline passed before its result"),
            Failure::Cancelled(By::Caller) => {
                f.write_str("the call was cancelled by its ticket or its future")
            }
            Failure::Cancelled(By::Superseded) => {
                f.write_str("the call was superseded by a newer one with the same key")
            }
            Failure::Cancelled(By::Scope) => {
                f.write_str("the call was cancelled because its scope was closed")
            }
            Failure::Rejected(reason) => write!(f, "the call was refused: {reason}"),
            Failure::Died(exit) => write!(f, "the worker process died under the call: {exit}"),
            Failure::Codec(error) => write!(f, "the call's data could not be moved: {error}"),
            Failure::Shutdown => {
                f.write_str("offloop was closed or shut down before the call finished")
            }
        }
    }
}

impl std::error::Error for Failure {}

/// Who cancelled a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum By {
    /// A ticket's `cancel`, a `CancelGuard` or a future that was dropped.
    Caller,
    /// A newer call with the same key, under [`latest`](crate::Call::latest).
    Superseded,
    /// The [`Scope`](crate::Scope) that the call belonged to was dropped.
    Scope,
}

/// Why a call was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Reason {
    /// The executor's queue was full.
    QueueFull,
    /// The operating system gave no thread or process to run it on, or an
    /// [`Executor`](crate::Executor) of your own gave it back.
    NoWorker,
    /// Too many earlier calls passed their deadline and never came back.
    Abandoned,
    /// The executor that the call names is not configured.
    NotConfigured,
    /// The function is not registered.
    Unregistered,
    /// The argument or the result is larger than the executor takes.
    TooLarge,
    /// Two policies of the call exclude each other; it names both.
    Conflict(Conflict),
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Reason::QueueFull => "the executor's queue is full",
            Reason::NoWorker => "no worker could be had for it",
            Reason::Abandoned => "too many earlier calls passed their deadline and still run",
            Reason::NotConfigured => {
                "its executor is not configured: call_async wants async_on(..) of the builder, and \
                 process() wants processes(..)"
            }
            Reason::Unregistered => "its function is not registered",
            Reason::TooLarge => "its data is larger than the executor takes",
            Reason::Conflict(conflict) => return conflict.fmt(f),
        })
    }
}

/// Two policies of one call that exclude each other, and why.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Conflict(u8);

impl Conflict {
    pub(crate) const LATEST_SHARE: Self = Self(0);
    pub(crate) const SHARE_PROGRESS: Self = Self(1);
    pub(crate) const SERIAL_RESOURCE: Self = Self(2);
    pub(crate) const EXECUTOR_RESOURCE: Self = Self(3);
    pub(crate) const AWAIT_PROGRESS: Self = Self(4);
    pub(crate) const AWAIT_INLINE_ORDER: Self = Self(5);
    pub(crate) const INLINE_ORDER_SERIAL: Self = Self(6);

    pub(crate) const ALL: [Self; 7] = [
        Self::LATEST_SHARE,
        Self::SHARE_PROGRESS,
        Self::SERIAL_RESOURCE,
        Self::EXECUTOR_RESOURCE,
        Self::AWAIT_PROGRESS,
        Self::AWAIT_INLINE_ORDER,
        Self::INLINE_ORDER_SERIAL,
    ];

    pub(crate) fn index(self) -> u32 {
        u32::from(self.0)
    }

    fn parts(self) -> [&'static str; 3] {
        match self {
            Self::LATEST_SHARE => {
                ["latest", "share", "a newer call would supersede the run that it shares"]
            }
            Self::SHARE_PROGRESS => {
                ["share", "on_progress", "one run has one progress, and its callers have many"]
            }
            Self::SERIAL_RESOURCE => [
                "serial",
                "call_on",
                "a resource runs one call at a time, in submit order, already",
            ],
            Self::EXECUTOR_RESOURCE => {
                ["call_on", "threads, cores or inline", "a resource stays on its own thread"]
            }
            Self::AWAIT_PROGRESS => [
                "on_progress",
                ".await",
                "progress is delivered in turns, and an awaited call is not",
            ],
            Self::INLINE_ORDER_SERIAL => [
                "in_order",
                "serial of an inline call",
                "it runs in its place, and would hold the key for those whom it waits for",
            ],
            _ => ["in_order", ".await of an inline call", "nobody delivers it in its place"],
        }
    }

    /// The two policies, by the names of their methods.
    pub fn policies(self) -> [&'static str; 2] {
        let [first, second, _] = self.parts();
        [first, second]
    }
}

impl fmt::Display for Conflict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [first, second, why] = self.parts();
        write!(f, "{first} and {second} exclude each other: {why}")
    }
}

impl fmt::Debug for Conflict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [first, second] = self.policies();
        f.debug_tuple("Conflict").field(&first).field(&second).finish()
    }
}

/// How a worker process ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Exit {
    /// Ended by this signal.
    Signal(i32),
    /// Ended by itself with this code.
    Code(i32),
    /// Ended at its memory limit.
    MemoryLimit,
    /// Ended, and the system no longer knows how.
    Unknown,
}

impl fmt::Display for Exit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Exit::Signal(signal) => write!(f, "ended by signal {signal}"),
            Exit::Code(code) => write!(f, "exited with code {code}"),
            Exit::MemoryLimit => f.write_str("its memory limit was reached"),
            Exit::Unknown => f.write_str("the system no longer knows how it ended"),
        }
    }
}

/// What went wrong while an argument or a result was encoded or decoded.
#[derive(Debug, Clone)]
pub struct CodecError(Arc<Box<str>>);

#[cfg(all(feature = "process", target_os = "linux"))]
impl CodecError {
    /// `text` ends a sentence that begins with the value's part: "the argument: it can't be encoded".
    pub(crate) fn new(text: impl Into<Box<str>>) -> Self {
        Self(Arc::new(text.into()))
    }

    pub(crate) fn of(self, part: &str) -> Self {
        Self::new(format!("the {part}: {self}"))
    }
}

impl fmt::Display for CodecError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A panic that became an outcome: its message, the call's name, and where it was submitted.
///
/// The panic hook has run as usual by then; offloop installs none.
#[derive(Clone)]
pub struct Panic(Arc<Caught>);

/// Shared by the clones of one failure, and one word of an outcome.
struct Caught {
    message: Box<str>,
    name: Option<Cow<'static, str>>,
    place: &'static Location<'static>,
    /// The first taker gets it.
    payload: Mutex<Option<Box<dyn Any + Send>>>,
}

impl Panic {
    pub(crate) fn new(
        payload: Box<dyn Any + Send>,
        name: Option<Cow<'static, str>>,
        place: &'static Location<'static>,
    ) -> Self {
        let message = Self::text(&*payload).into();
        Self(Arc::new(Caught { message, name, place, payload: Mutex::new(Some(payload)) }))
    }

    /// What a panic was raised with, if it is text.
    pub(crate) fn text(payload: &(dyn Any + Send)) -> &str {
        if let Some(text) = payload.downcast_ref::<&'static str>() {
            text
        } else if let Some(text) = payload.downcast_ref::<String>() {
            text
        } else {
            "a panic whose payload is not text"
        }
    }

    /// The text that the panic was raised with.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// The name that the call was given, if it was given one.
    pub fn name(&self) -> Option<&str> {
        self.0.name.as_deref()
    }

    /// Where the call was submitted.
    pub fn place(&self) -> &'static Location<'static> {
        self.0.place
    }

    /// What the panic was raised with, for the first that asks; `None` for clones that ask later.
    pub fn into_payload(self) -> Option<Box<dyn Any + Send>> {
        self.0.payload.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl fmt::Display for Panic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => write!(f, "the call \"{name}\" ")?,
            None => f.write_str("the call ")?,
        }
        write!(f, "submitted at {} panicked: {}", self.place(), self.message())
    }
}

impl fmt::Debug for Panic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Panic")
            .field("message", &self.message())
            .field("name", &self.name())
            .field("place", &format_args!("{}", self.place()))
            .finish_non_exhaustive()
    }
}
