//! An async executor under its suite: threads that poll what is woken. Invariant: this file is all
//! that its author writes.

mod common;

use std::time::{Duration, Instant};

use common::runtime::{Flaw, Runtime};
use offloop_testkit::async_suite;

async_suite! {
    name: one_thread, |builder| builder.async_on(Runtime::new(1, Flaw::None)), threads: 1,
    ended_by: |builder| {
        let runtime = Runtime::new(1, Flaw::None);
        let its = runtime.clone();
        (builder.async_on(its), move || runtime.end(Instant::now() + Duration::from_secs(60)))
    }
}

async_suite! {
    name: three_threads, |builder| builder.async_on(Runtime::new(3, Flaw::None)), threads: 3
}
