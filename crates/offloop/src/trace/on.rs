//! The calls into `tracing`. Invariant: each is contained.

use std::fmt::Display;

use tracing::Span;
use tracing::level_filters::LevelFilter;

use super::Subject;
use crate::contain::{contain, drop_contained};

/// The span in which a call was submitted, if there was one.
pub(crate) struct Parent(Span);

impl Parent {
    /// The calling thread's.
    pub(crate) fn current() -> Self {
        if LevelFilter::current() == LevelFilter::OFF {
            return Self(Span::none()); // nobody listens: one load
        }
        Self(guarded(Span::current).unwrap_or_else(Span::none))
    }

    pub(crate) fn enter(&self) -> Entered<'_> {
        let entered = (!self.0.is_none()).then(|| guarded(|| self.0.enter()));
        Entered(entered.flatten())
    }
}

impl Clone for Parent {
    fn clone(&self) -> Self {
        Self(guarded(|| self.0.clone()).unwrap_or_else(Span::none))
    }
}

impl Drop for Parent {
    fn drop(&mut self) {
        drop_contained(std::mem::replace(&mut self.0, Span::none()));
    }
}

/// In a span, as long as it lives.
pub(crate) struct Entered<'a>(Option<tracing::span::Entered<'a>>);

impl Drop for Entered<'_> {
    fn drop(&mut self) {
        drop_contained(self.0.take());
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

pub(super) fn unobserved(subject: Subject<'_>, reason: &dyn Display) {
    tell!(WARN, subject, "failure unobserved", reason = reason);
}
