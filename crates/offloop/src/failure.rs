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
    /// *abandoned*: it goes on until it returns, and what it returns is dropped.
    TimedOut,
    /// The call was cancelled before its result was there.
    Cancelled(By),
    /// The call was refused, and its function was not run.
    Rejected(Reason),
    /// The worker process died under this call, or before its result arrived. No call of this
    /// version runs in a process.
    Died(Exit),
    /// An argument or a result could not be encoded or decoded. No call of this version is.
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
    /// A newer call with the same key. No policy of this version does so.
    Superseded,
    /// The scope that the call belonged to was dropped. No policy of this version does so.
    Scope,
}

/// Why a call was refused.
///
/// The calls of this version come to the first three; the others belong to executors and policies
/// that it does not have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Reason {
    /// The executor's queue was full.
    QueueFull,
    /// The operating system gave no thread or process to run it on.
    NoWorker,
    /// Too many earlier calls passed their deadline and never came back.
    Abandoned,
    /// The executor that the call names is not configured.
    NotConfigured,
    /// The function is not registered.
    Unregistered,
    /// The argument or the result is larger than the executor takes.
    TooLarge,
    /// Two policies of the call exclude each other.
    Conflict,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Reason::QueueFull => "the executor's queue is full",
            Reason::NoWorker => "the system could not start a worker for it",
            Reason::Abandoned => "too many earlier calls passed their deadline and still run",
            Reason::NotConfigured => "its executor is not configured",
            Reason::Unregistered => "its function is not registered",
            Reason::TooLarge => "its data is larger than the executor takes",
            Reason::Conflict => "two of its policies exclude each other",
        })
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
pub struct CodecError(Arc<str>);

impl fmt::Display for CodecError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A panic that became an outcome: its message, the call's name, and where it was submitted.
///
/// The panic hook has run as usual by then; offloop installs none.
#[derive(Clone)]
pub struct Panic {
    message: Arc<str>,
    name: Option<Cow<'static, str>>,
    place: &'static Location<'static>,
    /// Shared by the clones of one failure: the first taker gets it.
    payload: Arc<Mutex<Option<Box<dyn Any + Send>>>>,
}

impl Panic {
    pub(crate) fn new(
        payload: Box<dyn Any + Send>,
        name: Option<Cow<'static, str>>,
        place: &'static Location<'static>,
    ) -> Self {
        let message: &str = if let Some(text) = payload.downcast_ref::<&'static str>() {
            text
        } else if let Some(text) = payload.downcast_ref::<String>() {
            text
        } else {
            "a panic whose payload is not text"
        };
        Self { message: message.into(), name, place, payload: Arc::new(Mutex::new(Some(payload))) }
    }

    /// The text that the panic was raised with.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// The name that the call was given, if it was given one.
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// Where the call was submitted.
    pub fn place(&self) -> &'static Location<'static> {
        self.place
    }

    /// What the panic was raised with, for the first that asks; `None` for clones that ask later.
    pub fn into_payload(self) -> Option<Box<dyn Any + Send>> {
        self.payload.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl fmt::Display for Panic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.name {
            Some(name) => write!(f, "the call \"{name}\" ")?,
            None => f.write_str("the call ")?,
        }
        write!(f, "submitted at {} panicked: {}", self.place, self.message)
    }
}

impl fmt::Debug for Panic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Panic")
            .field("message", &self.message)
            .field("name", &self.name)
            .field("place", &format_args!("{}", self.place))
            .finish_non_exhaustive()
    }
}
