//! The calls into `tracing`. Invariant: each is contained.

use std::fmt::Display;

use tracing::Span;
use tracing::level_filters::LevelFilter;

use super::Subject;
use crate::contain::{contain, drop_contained};

/// The span in which a call was submitted, if there was one. Boxed, because a call outside of any
/// has two of these.
pub(crate) struct Parent(Option<Box<Span>>);

impl Parent {
    /// The calling thread's.
    pub(crate) fn current() -> Self {
        if LevelFilter::current() == LevelFilter::OFF {
            return Self(None); // nobody listens: one load
        }
        Self(guarded(Span::current).filter(|span| !span.is_none()).map(Box::new))
    }

    pub(crate) fn is_none(&self) -> bool {
        self.0.is_none()
    }

    pub(crate) fn enter(&self) -> Entered<'_> {
        Entered(self.0.as_ref().and_then(|span| guarded(|| span.enter())))
    }
}

impl Clone for Parent {
    fn clone(&self) -> Self {
        Self(self.0.as_ref().and_then(|span| guarded(|| span.clone())))
    }
}

impl Drop for Parent {
    fn drop(&mut self) {
        if let Some(span) = self.0.take() {
            drop_contained(span);
        }
    }
}

/// In a span, as long as it lives.
pub(crate) struct Entered<'a>(Option<tracing::span::Entered<'a>>);

impl Drop for Entered<'_> {
    fn drop(&mut self) {
        if let Some(entered) = self.0.take() {
            drop_contained(entered);
        }
    }
}

fn guarded<R>(call: impl FnOnce() -> R) -> Option<R> {
    match contain(call) {
        Ok(result) => Some(result),
        Err(payload) => {
            drop_contained(payload);
            None
        }
    }
}

/// An event about a call; the target is the library's.
macro_rules! tell {
    ($level:ident, $subject:expr, $message:literal $(, $field:ident = $value:expr)?) => {{
        let Subject { name, place } = $subject;
        guarded(|| {
            tracing::event!(
                target: "offloop",
                tracing::Level::$level,
                name,
                place = %place,
                $($field = %$value,)?
                $message
            );
        });
    }};
}

pub(super) fn refused(subject: Subject<'_>, reason: &dyn Display) {
    tell!(WARN, subject, "call refused", reason = reason);
}

pub(super) fn abandoned(subject: Subject<'_>, reason: &dyn Display) {
    tell!(WARN, subject, "call abandoned", reason = reason);
}

pub(super) fn came_back(subject: Subject<'_>) {
    tell!(DEBUG, subject, "abandoned call came back");
}

pub(super) fn stalled(subject: Subject<'_>, took: &dyn Display) {
    tell!(WARN, subject, "async call stalled its thread", took = took);
}

pub(super) fn unobserved(subject: Subject<'_>, reason: &dyn Display) {
    tell!(WARN, subject, "failure unobserved", reason = reason);
}

#[cfg(all(feature = "process", target_os = "linux"))]
pub(super) fn worker_span(name: &str, parent_span: u64) -> Parent {
    if LevelFilter::current() == LevelFilter::OFF {
        return Parent(None);
    }
    let span = guarded(|| tracing::info_span!(target: "offloop", "call", name, parent_span));
    Parent(span.map(Box::new))
}

#[cfg(all(feature = "process", target_os = "linux"))]
pub(super) fn span_id() -> u64 {
    if LevelFilter::current() == LevelFilter::OFF {
        return 0;
    }
    let id = guarded(|| Span::current().id().map(|id| id.into_u64()));
    id.flatten().unwrap_or(0)
}
