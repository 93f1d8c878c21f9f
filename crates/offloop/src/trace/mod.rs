//! Spans and events for `tracing`, by the feature of that name.
//!
//! The submitter's span goes with the function and with the handler, each in a clone of its own
//! that ends with it. A subscriber is code that is not ours, and a span's clone, entry, exit and
//! end are calls into it. Invariant: none of these unwinds out of here, and none is made while
//! anything of ours is borrowed or locked. Without the feature the same items are empty (`off`),
//! so that no other file asks for it.

#[cfg(not(feature = "tracing"))]
mod off;
#[cfg(feature = "tracing")]
mod on;

use std::fmt::Display;
use std::panic::Location;
use std::time::Duration;

#[cfg(not(feature = "tracing"))]
use self::off as with;
#[cfg(feature = "tracing")]
use self::on as with;

pub(crate) use self::with::Parent;

/// Whose event it is.
#[derive(Clone, Copy)]
#[cfg_attr(not(feature = "tracing"), expect(dead_code, reason = "nobody is told"))]
pub(crate) struct Subject<'a> {
    pub(crate) name: Option<&'a str>,
    pub(crate) place: &'static Location<'static>,
}

/// A call was not taken, or no worker could be had for it.
pub(crate) fn refused(subject: Subject<'_>, reason: &dyn Display) {
    with::refused(subject, reason);
}

/// A running function was given up.
pub(crate) fn abandoned(subject: Subject<'_>, reason: &dyn Display) {
    with::abandoned(subject, reason);
}

/// A function that was given up has returned.
pub(crate) fn came_back(subject: Subject<'_>) {
    with::came_back(subject);
}

/// A poll of an async call took too long.
pub(crate) fn stalled(subject: Subject<'_>, took: Duration) {
    with::stalled(subject, &format_args!("{took:?}"));
}

/// Nobody was there to hear how a call ended.
pub(crate) fn unobserved(subject: Subject<'_>, reason: &dyn Display) {
    with::unobserved(subject, reason);
}

/// The number of the span that this thread is in, 0 for none.
#[cfg(all(feature = "process", target_os = "linux"))]
pub(crate) fn span_id() -> u64 {
    with::span_id()
}

/// Same as `f()`, except that it runs in a span of its own, in a worker process: `call`, with the name
/// of the function and, as `parent_span`, the number of the submitter's span in the other process.
#[cfg(all(feature = "process", target_os = "linux"))]
pub(crate) fn in_worker<R>(name: &str, parent: u64, f: impl FnOnce() -> R) -> R {
    let span = with::worker_span(name, parent);
    let _entered = span.enter();
    f()
}

/// Same as `handler`, except that it runs in the span.
pub(crate) fn within<S, T>(
    parent: Parent,
    handler: impl FnOnce(&mut S, T),
) -> impl FnOnce(&mut S, T) {
    move |state: &mut S, outcome: T| {
        let _entered = parent.enter();
        handler(state, outcome);
    }
}
