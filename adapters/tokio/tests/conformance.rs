//! The suites of the testkit. Invariant: each runtime and each loop is one that a program may have.

use offloop::Builder;
use offloop_testkit::{LoopRig, LoopState, async_suite, loop_suite};
use offloop_tokio::{TokioExecutor, TokioWaker};
use tokio::runtime::{self, Runtime};
use tokio::sync::mpsc::unbounded_channel;
use tokio::task::LocalSet;
use tokio::time::sleep;

async_suite! {
    name: own_runtime, |builder| builder.async_on(TokioExecutor::new().expect("a runtime")), threads: 1
}

async_suite! {
    name: own_runtime_of_two_threads,
    |builder| builder.async_on(TokioExecutor::with_threads(2).expect("a runtime")), threads: 2
}

async_suite! {
    name: runtime_of_the_program,
    |builder| {
        // The program's own: it outlives every offloop.
        let runtime = Box::leak(Box::new(several_threads(2)));
        builder.async_on(TokioExecutor::on(runtime.handle().clone()))
    },
    threads: 2,
    ended_by: |builder| {
        let runtime = several_threads(2);
        (builder.async_on(TokioExecutor::on(runtime.handle().clone())), move || drop(runtime))
    },
    without: [no_thread_is_left_after_a_shutdown]
}

loop_suite!(name: current_thread, |builder| rig(
    runtime::Builder::new_current_thread().enable_time().build().expect("a runtime"),
    builder,
));

loop_suite!(name: multi_thread, |builder| rig(several_threads(2), builder));

fn several_threads(count: usize) -> Runtime {
    let mut builder = runtime::Builder::new_multi_thread();
    builder.worker_threads(count).enable_all().build().expect("a runtime")
}

/// A loop whose own events come by a channel, and are a branch beside offloop's wakes.
fn rig(runtime: Runtime, builder: Builder<LoopState>) -> LoopRig {
    let (waker, local) = (TokioWaker::new(), LocalSet::new());
    let another = waker.clone();
    let off = builder.waker(waker.clone()).build().expect("an offloop");
    let (own, mut events) = unbounded_channel();
    LoopRig::new(off, move |round, patience| {
        local.block_on(&runtime, async {
            tokio::select! {
                () = waker.woken() => {
                    round.deliver();
                }
                Some(()) = events.recv() => round.own_event(),
                () = sleep(patience) => {}
            }
        });
    })
    .own_events(move || own.send(()))
    .second(move |builder| builder.waker(another).build().expect("an offloop"))
}
