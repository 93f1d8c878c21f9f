//! Calls of named functions under each executor of offloop: the same suite for all, so that a function
//! may be sent elsewhere by one word. Invariant: each declares all that it promises.
//!
//! | left out for | because |
//! | --- | --- |
//! | `inline` | it runs in `deliver`: no worker is there to be busy, held, woken from or left |
//! | `threads`, `cores` | a function on a thread can't be stopped: past its deadline it is abandoned, and its worker replaced |

use offloop::{Cores, Threads};
use offloop_testkit::call_fn_suite;

call_fn_suite! {
    name: inline, |builder| builder, place: inline, workers: 1, order: fifo, runs_on: the_loop
}

call_fn_suite! {
    name: threads, |builder| builder.threads(Threads::new().max(3)), place: threads, workers: 3,
    order: priority, abandoned: replaced
}

call_fn_suite! {
    name: cores, |builder| builder.cores(Cores::new().workers(2)), place: cores, workers: 2,
    order: priority, abandoned: replaced
}

#[cfg(target_os = "linux")]
mod workers {
    use offloop::{Functions, Processes};

    fn functions() -> Functions {
        offloop_testkit::named::add_to(Functions::new())
    }

    /// This program again, told to run the one test that becomes a worker.
    pub(crate) fn processes(workers: usize) -> Processes {
        let program = std::env::current_exe().expect("the test program has a path");
        let worker = Processes::new(functions()).program(program).workers(workers);
        ["--exact", "workers::entry", "--nocapture", "--quiet", "--test-threads=1"]
            .into_iter()
            .fold(worker.on_output(|_| {}), Processes::arg)
    }

    /// No test of anything: where this program, started as a worker, becomes one.
    #[test]
    fn entry() {
        offloop::worker::run_if_worker(&functions());
    }
}

#[cfg(target_os = "linux")]
call_fn_suite! {
    name: process, |builder| builder.processes(workers::processes(2)), place: process, workers: 2,
    order: priority, abandoned: stopped
}

#[cfg(target_os = "linux")]
call_fn_suite! {
    name: one_process, |builder| builder.processes(workers::processes(1)), place: process,
    workers: 1, order: priority, abandoned: stopped
}
