//! The executors of offloop under the suite. Invariant: each declares all that it promises.

use offloop::{Cores, Threads};
use offloop_testkit::executor_suite;

executor_suite! {
    name: threads, |builder| builder.threads(Threads::new().max(3)), place: threads, workers: 3,
    order: priority, abandoned: replaced
}

executor_suite! {
    name: one_thread, |builder| builder.threads(Threads::new().max(1)), place: threads, workers: 1,
    order: priority, abandoned: replaced
}

executor_suite! {
    name: cores, |builder| builder.cores(Cores::new().workers(2)), place: cores, workers: 2,
    order: priority, abandoned: replaced
}

executor_suite! {
    name: inline, |builder| builder, place: inline, workers: 1, order: fifo, runs_on: the_loop
}
