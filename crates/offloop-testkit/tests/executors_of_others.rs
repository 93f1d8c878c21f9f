//! An outsider's executor under the suite: a pool of threads with a queue. Invariant: this file is
//! all that its author writes.

mod common;

use common::pool::{Flaw, Pool};
use offloop_testkit::executor_suite;

executor_suite! {
    |builder| builder.cores_on(Pool::new(2, Flaw::None)), place: cores, workers: 2, order: fifo
}

executor_suite! {
    name: on_threads, |builder| builder.threads_on(Pool::new(3, Flaw::None)), place: threads, workers: 3,
    order: fifo
}
