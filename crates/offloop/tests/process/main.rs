//! The process executor, through an offloop, as users have it. Invariant: the worker of these tests
//! is this test program again, told to run the one test that becomes a worker.

#[path = "../common/mod.rs"]
mod common;

mod chaos;
mod context;
mod death;
mod functions;
mod host;
mod hostile;
mod ignore;
mod largest;
mod limits;
mod outcomes;
mod payload;
mod shared;
mod start;
mod stop;
mod submit;
mod values;

/// No test of anything: where this program, started as a worker, becomes one.
#[test]
fn worker_entry() {
    offloop::worker::run_if_worker(&functions::functions());
}
