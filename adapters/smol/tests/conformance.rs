//! The suites of the testkit. Invariant: each executor and each loop is one that a program may have.

use std::sync::Arc;
use std::thread;

use async_channel::{RecvError, Sender, unbounded};
use async_executor::{Executor, LocalExecutor};
use async_io::Timer;
use futures_lite::FutureExt;
use offloop::Builder;
use offloop_smol::{SmolExecutor, SmolWaker};
use offloop_testkit::{LoopRig, LoopState, async_suite, loop_suite};

async_suite! {
    name: own_thread, |builder| builder.async_on(SmolExecutor::new().expect("a thread")), threads: 1
}

async_suite! {
    name: two_own_threads,
    |builder| builder.async_on(SmolExecutor::with_threads(2).expect("threads")), threads: 2
}

/// The program's, which runs it on two threads.
struct Programs {
    executor: Arc<Executor<'static>>,
    /// Closed, it ends them.
    run: Sender<()>,
    threads: Vec<thread::JoinHandle<Result<(), RecvError>>>,
}

impl Programs {
    fn new() -> Self {
        let executor = Arc::new(Executor::new());
        let (run, runs) = unbounded::<()>();
        let thread = || {
            let (executor, runs) = (executor.clone(), runs.clone());
            thread::spawn(move || async_io::block_on(executor.run(runs.recv())))
        };
        let threads = vec![thread(), thread()];
        Self { executor, run, threads }
    }

    fn end(self) {
        self.run.close();
        for thread in self.threads {
            let _closed = thread.join().expect("no task panics");
        }
    }
}

async_suite! {
    name: executor_of_the_program,
    |builder| {
        // The program's own: it outlives every offloop.
        let programs = Box::leak(Box::new(Programs::new()));
        builder.async_on(SmolExecutor::on(&programs.executor))
    },
    threads: 2,
    ended_by: |builder| {
        let programs = Programs::new();
        (builder.async_on(SmolExecutor::on(&programs.executor)), move || programs.end())
    },
    without: [no_thread_is_left_after_a_shutdown]
}

enum Came {
    Wake,
    OwnEvent,
    Nothing,
}

/// A loop in `block_on`, on a `LocalExecutor`. Its own events come by a channel.
fn rig(builder: Builder<LoopState>) -> LoopRig {
    let (waker, local) = (SmolWaker::new(), LocalExecutor::new());
    let another = waker.clone();
    let off = builder.waker(waker.clone()).build().expect("an offloop");
    let (own, events) = unbounded();
    LoopRig::new(off, move |round, patience| {
        let woken = async {
            waker.woken().await;
            Came::Wake
        };
        let event = async { events.recv().await.map_or(Came::Nothing, |()| Came::OwnEvent) };
        let late = async {
            Timer::after(patience).await;
            Came::Nothing
        };
        match async_io::block_on(local.run(woken.race(event).race(late))) {
            Came::Wake => {
                round.deliver();
            }
            Came::OwnEvent => round.own_event(),
            Came::Nothing => {}
        }
    })
    .own_events(move || own.try_send(()))
    .second(move |builder| builder.waker(another).build().expect("an offloop"))
}

loop_suite!(rig);
