//! The executor suite on the global pool, in a program of its own: one pool serves all checks, one after
//! the other. Invariant: it has two threads, and no check finds one of them held by another.

use offloop_rayon::RayonExecutor;
use offloop_testkit::{ExecutorSuite, Place, executors};
use rayon::ThreadPoolBuilder;

/// Its threads end with the program.
const LEFT_OUT: &[&str] = &["no_thread_is_left_after_a_shutdown"];
/// What rayon does not do, on a pool of one's own neither.
const NOT_PROMISED: &[&str] = &["the_urgent_go_first", "an_abandoned_function_is_replaced"];

#[test]
fn the_global_pool_keeps_the_promises() {
    ThreadPoolBuilder::new().num_threads(2).build_global().expect("nobody has used it");
    let make = |builder: offloop::Builder<_>| builder.cores_on(RayonExecutor::global());
    let suite = ExecutorSuite::new(make, Place::Cores, 2);
    for (name, check) in executors::PROMISES {
        if !LEFT_OUT.contains(name) && !NOT_PROMISED.contains(name) {
            check(&suite);
        }
    }
}
