//! What the tests of broken implementations share. Invariant: a verdict is the panic's own text,
//! which must name the promise that it is about.

#![allow(dead_code)] // each test program uses a part of it

pub(crate) mod pool;
pub(crate) mod runtime;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

/// Enough to call something lost that is known to be lost.
const SHORT: Duration = Duration::from_millis(250);
/// Enough for what holds, on a machine that does much else.
const LONG: Duration = Duration::from_secs(20);

/// Checks every promise but those that luck decides. Those of `expected` break, all others hold.
#[track_caller]
pub(crate) fn broken_promises(
    whose: &str,
    promises: impl Iterator<Item = &'static str>,
    check: impl Fn(&'static str, Duration),
    expected: &[&str],
    by_luck: &[&str],
) {
    let mut wrong = Vec::new();
    for name in promises.filter(|name| !by_luck.contains(name)) {
        let breaks = expected.contains(&name);
        let patience = if breaks { SHORT } else { LONG };
        match catch_unwind(AssertUnwindSafe(|| check(name, patience))) {
            Ok(()) if breaks => wrong.push(format!("{name} holds")),
            Ok(()) => {}
            Err(payload) => {
                let verdict = payload.downcast_ref::<String>().expect("a verdict is a sentence");
                let opening = format!("this {whose} breaks the promise `{name}` (");
                assert!(verdict.starts_with(&opening), "it names another promise: {verdict}");
                if !breaks {
                    wrong.push(format!("{name} breaks: {verdict}"));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "not as expected:\n{}", wrong.join("\n"));
}
