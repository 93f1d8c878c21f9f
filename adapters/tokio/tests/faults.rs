//! What goes wrong around a runtime. Invariant: no outcome is lost, and nothing waits without end.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use offloop::{Failure, Offloop, Outcome};
use offloop_tokio::{TokioExecutor, TokioWaker};
use tokio::net::TcpListener;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::Notify;
use tokio::task::LocalSet;

type Seen<T> = Vec<Outcome<T>>;

fn looped<T: 'static>(executor: TokioExecutor) -> (Offloop<Seen<T>>, mpsc::Receiver<()>) {
    let (wake, woken) = mpsc::channel();
    let builder = Offloop::builder().waker(move || wake.send(())).async_on(executor);
    (builder.build().expect("an offloop"), woken)
}

fn outcomes<T: 'static>(
    off: &Offloop<Seen<T>>,
    woken: &mpsc::Receiver<()>,
    count: usize,
) -> Seen<T> {
    let mut seen = Vec::new();
    while seen.len() < count {
        woken.recv_timeout(Duration::from_secs(60)).expect("the loop is woken");
        off.deliver(&mut seen);
    }
    seen
}

fn several_threads() -> Runtime {
    Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime")
}

fn current_thread() -> Runtime {
    Builder::new_current_thread().enable_all().build().expect("a runtime")
}

async fn for_ever() {
    std::future::pending::<()>().await;
}

/// tokio panics when a runtime is dropped where it may not block, and an executor's is its own.
#[test]
fn a_runtime_of_its_own_ends_on_a_thread_that_drives_another() {
    for driven in [current_thread(), several_threads()] {
        driven.block_on(async {
            let (off, woken) = looped(TokioExecutor::with_threads(2).expect("a runtime"));
            assert_eq!(off.stats().async_calls.threads, 2);
            off.call_async(for_ever()).name("waits").then(|seen: &mut Seen<()>, o| seen.push(o));
            while off.stats().async_calls.running == 0 {
                thread::yield_now();
            }
            let report = off.shutdown(Duration::from_millis(20));
            assert_eq!(report.abandoned.len(), 1);
            assert!(matches!(outcomes(&off, &woken, 1)[..], [Err(Failure::Shutdown)]));
            // And by the drop of the last handle alone.
            let (off, _woken) = looped(TokioExecutor::new().expect("a runtime"));
            off.call_async(for_ever()).then(|seen: &mut Seen<()>, outcome| seen.push(outcome));
            drop(off);
        });
    }
}

#[test]
fn threads_are_gone_after_a_shutdown_in_a_runtime() {
    current_thread().block_on(async {
        let (off, woken) = looped(TokioExecutor::with_threads(2).expect("a runtime"));
        off.call_async(async { 1 }).then(|seen: &mut Seen<u32>, outcome| seen.push(outcome));
        outcomes(&off, &woken, 1);
        off.shutdown(Duration::from_secs(60));
        assert_eq!(off.stats().async_calls.threads, 0);
    });
}

#[test]
fn a_poll_that_blocks_holds_up_no_shutdown() {
    let (off, woken) = looped(TokioExecutor::new().expect("a runtime"));
    let (release, held) = mpsc::channel::<()>();
    let (inside, begun) = mpsc::channel();
    let blocks = async move {
        inside.send(()).expect("the test waits");
        held.recv().unwrap_or(())
    };
    off.call_async(blocks).name("blocks").then(|seen: &mut Seen<()>, outcome| seen.push(outcome));
    begun.recv().expect("it begins");
    let report = off.shutdown(Duration::from_millis(20));
    assert_eq!(report.abandoned[0].name.as_deref(), Some("blocks"));
    assert!(matches!(outcomes(&off, &woken, 1)[..], [Err(Failure::Shutdown)]));
    drop(release);
}

/// Nobody drives it: its owner drops it, which drops the tasks right there.
#[test]
fn a_runtime_that_is_dropped_on_the_loop_thread_is_an_outcome() {
    let runtime = current_thread();
    let (off, woken) = looped(TokioExecutor::on(runtime.handle().clone()));
    for _ in 0..3 {
        off.call_async(for_ever()).then(|seen: &mut Seen<()>, outcome| seen.push(outcome));
    }
    drop(runtime);
    off.call_async(for_ever()).then(|seen: &mut Seen<()>, outcome| seen.push(outcome));
    let seen = outcomes(&off, &woken, 4);
    let shut = seen.iter().filter(|outcome| matches!(outcome, Err(Failure::Shutdown))).count();
    let refused = seen.iter().filter(|outcome| matches!(outcome, Err(Failure::Rejected(_))));
    assert_eq!((shut, refused.count()), (3, 1), "{seen:?}");
}

#[test]
fn a_runtime_that_nobody_drives_still_has_deadlines() {
    let runtime = current_thread();
    let (off, woken) = looped(TokioExecutor::on(runtime.handle().clone()));
    let call = off.call_async(async {});
    call.deadline(Duration::from_millis(10)).then(|seen: &mut Seen<()>, o| seen.push(o));
    assert!(matches!(outcomes(&off, &woken, 1)[..], [Err(Failure::TimedOut)]));
}

#[test]
fn without_a_reactor_the_outcome_names_what_is_missing() {
    let mut builder = Builder::new_multi_thread();
    builder.worker_threads(1);
    let (off, woken) = looped(TokioExecutor::build(builder).expect("a runtime"));
    let listens = async { TcpListener::bind("127.0.0.1:0").await.is_ok() };
    off.call_async(listens).then(|seen: &mut Seen<bool>, outcome| seen.push(outcome));
    match &outcomes(&off, &woken, 1)[0] {
        Err(Failure::Panicked(panic)) => {
            assert!(panic.message().contains("enable_io"), "{panic:?}")
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_runtime_that_nobody_would_drive_is_refused_with_the_reason() {
    let refused = TokioExecutor::build(Builder::new_current_thread());
    let message = refused.expect_err("it has no thread").to_string();
    assert!(message.contains("current-thread") && message.contains("on("), "{message}");
}

#[test]
fn a_runtime_that_gets_no_thread_is_refused_with_the_reason() {
    let mut builder = Builder::new_multi_thread();
    // No address space has room for such a stack.
    builder.worker_threads(1).thread_stack_size(isize::MAX as usize);
    let message = TokioExecutor::build(builder).expect_err("it has no thread").to_string();
    assert!(message.contains("tokio could not start the threads"), "{message}");
}

#[test]
fn a_panicking_waker_loses_no_outcome() {
    let builder = Offloop::<Seen<u32>>::builder();
    let builder =
        builder.waker(|| std::panic::resume_unwind(Box::new("a waker panics on purpose")));
    let off =
        builder.async_on(TokioExecutor::new().expect("a runtime")).build().expect("an offloop");
    for n in 0..100 {
        off.call_async(async move { n }).then(|seen, outcome| seen.push(outcome));
    }
    let mut seen = Vec::new();
    while seen.len() < 100 {
        off.deliver(&mut seen);
        thread::yield_now();
    }
    assert!(seen.iter().all(Result::is_ok));
    assert!(off.stats().waker_panics > 0);
}

#[test]
fn of_two_offloops_on_one_runtime_the_end_of_one_leaves_the_other() {
    let runtime = several_threads();
    let executor = || TokioExecutor::on(runtime.handle().clone());
    let (one, one_woken) = looped(executor());
    let (two, two_woken) = looped(executor());
    let gate = std::sync::Arc::new(Notify::new());
    let passes = gate.clone();
    one.call_async(for_ever()).then(|seen: &mut Seen<()>, outcome| seen.push(outcome));
    two.call_async(async move { passes.notified().await }).then(|seen: &mut Seen<()>, outcome| {
        seen.push(outcome);
    });
    one.shutdown(Duration::ZERO);
    assert!(matches!(outcomes(&one, &one_woken, 1)[..], [Err(Failure::Shutdown)]));
    gate.notify_one();
    assert!(matches!(outcomes(&two, &two_woken, 1)[..], [Ok(())]));
}

#[test]
fn loops_on_several_threads_share_one_runtime() {
    let runtime = several_threads();
    thread::scope(|scope| {
        for _ in 0..4 {
            let handle = runtime.handle().clone();
            scope.spawn(move || {
                let (off, woken) = looped(TokioExecutor::on(handle));
                for n in 0..500u32 {
                    let call = off.call_async(async move {
                        tokio::task::yield_now().await;
                        n
                    });
                    call.then(|seen: &mut Seen<u32>, outcome| seen.push(outcome));
                }
                let seen = outcomes(&off, &woken, 500);
                let mut values: Vec<_> =
                    seen.into_iter().map(|one| one.expect("a value")).collect();
                values.sort_unstable();
                assert!(values.into_iter().eq(0..500));
            });
        }
    });
}

/// The application lives in tokio, and delivers in a task beside its others.
#[test]
fn a_task_of_a_local_set_delivers() {
    struct App {
        off: Offloop<App>,
        /// What can not leave the thread.
        shown: Rc<RefCell<Vec<u32>>>,
    }
    for runtime in [current_thread(), several_threads()] {
        let (waker, shown) = (TokioWaker::new(), Rc::new(RefCell::new(Vec::new())));
        let off = Offloop::<App>::builder().waker(waker.clone()).build().expect("an offloop");
        let mut app = App { off, shown: shown.clone() };
        let local = LocalSet::new();
        for n in 0..100u32 {
            let call = app.off.call(move || n);
            call.then(|app, outcome| app.shown.borrow_mut().push(outcome.expect("a value")));
        }
        let delivering = local.spawn_local(async move {
            while app.shown.borrow().len() < 100 {
                waker.woken().await;
                app.off.clone().deliver(&mut app);
            }
        });
        local.block_on(&runtime, delivering).expect("it does not panic");
        assert_eq!(shown.borrow().iter().sum::<u32>(), 4950);
    }
}

/// A wait that is dropped when it was woken already leaves the wake to the next.
#[test]
fn a_dropped_wait_loses_no_wake() {
    use offloop::LoopWaker;
    use std::future::Future;
    use std::task::{Context, Waker};

    let waker = TokioWaker::new();
    let mut cx = Context::from_waker(Waker::noop());
    let mut first = Box::pin(waker.woken());
    assert!(first.as_mut().poll(&mut cx).is_pending());
    waker.wake();
    drop(first);
    assert!(Box::pin(waker.woken()).as_mut().poll(&mut cx).is_ready());
    assert!(Box::pin(waker.woken()).as_mut().poll(&mut cx).is_pending());
}
