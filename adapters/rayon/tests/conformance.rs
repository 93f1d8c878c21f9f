//! The executor suite of the testkit. Invariant: what a pool of rayon's does not promise is left out by
//! name, and why.

use std::sync::Arc;

use offloop_rayon::RayonExecutor;
use offloop_testkit::executor_suite;
use rayon::{ThreadPool, ThreadPoolBuilder};

fn pool() -> Arc<ThreadPool> {
    Arc::new(ThreadPoolBuilder::new().num_threads(2).build().expect("a pool"))
}

executor_suite! {
    name: given_pool, |builder| builder.cores_on(RayonExecutor::on(&pool())), place: cores, workers: 2,
    order: fifo
}
