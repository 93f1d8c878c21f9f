//! What goes wrong around an executor. Invariant: no outcome is lost, and nothing waits without end.

use std::cell::RefCell;
use std::future::Future;
use std::rc::Rc;
use std::sync::{Arc, Mutex, mpsc};
use std::task::{Context, Wake};
use std::thread;
use std::time::Duration;

use async_executor::{Executor, LocalExecutor};
use offloop::{Failure, LoopWaker, Offloop, Outcome};
use offloop_smol::{SmolExecutor, SmolWaker};

type Seen<T> = Vec<Outcome<T>>;

fn looped<T: 'static>(executor: SmolExecutor) -> (Offloop<Seen<T>>, mpsc::Receiver<()>) {
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

/// tokio's own I/O on an executor that has none of it.
#[test]
fn a_future_of_tokio_comes_to_a_panic_that_names_the_reactor() {
    let (off, woken) = looped(SmolExecutor::new().expect("a thread"));
    let connects = async { tokio::net::TcpStream::connect("127.0.0.1:9").await.is_ok() };
    off.call_async(connects).then(|seen: &mut Seen<bool>, outcome| seen.push(outcome));
    match &outcomes(&off, &woken, 1)[0] {
        Err(Failure::Panicked(panic)) => {
            assert!(panic.message().contains("there is no reactor running"), "{panic:?}");
        }
        other => panic!("{other:?}"),
    }
    off.call_async(async { true }).then(|seen: &mut Seen<bool>, outcome| seen.push(outcome));
    assert!(matches!(outcomes(&off, &woken, 1)[..], [Ok(true)]), "the thread lives on");
}

/// Nobody runs it, and its owner drops it on the loop thread.
#[test]
fn an_executor_that_is_dropped_on_the_loop_thread_is_an_outcome() {
    let executor = Arc::new(Executor::new());
    let (off, woken) = looped(SmolExecutor::on(&executor));
    for _ in 0..3 {
        let waits = std::future::pending::<()>();
        off.call_async(waits).then(|seen: &mut Seen<()>, outcome| seen.push(outcome));
    }
    drop(executor);
    off.call_async(async {}).then(|seen: &mut Seen<()>, outcome| seen.push(outcome));
    let seen = outcomes(&off, &woken, 4);
    let shut = seen.iter().filter(|outcome| matches!(outcome, Err(Failure::Shutdown))).count();
    let refused = seen.iter().filter(|outcome| matches!(outcome, Err(Failure::Rejected(_))));
    assert_eq!((shut, refused.count()), (3, 1), "{seen:?}");
}

/// The program lets go of it just while a task is spawned, which is then its last owner.
#[test]
fn an_executor_that_ends_inside_a_spawn_drops_no_future_on_the_loop_thread() {
    /// Woken inside the spawn; it comes back when the program has let go.
    struct LetsGo(mpsc::Sender<()>, Mutex<mpsc::Receiver<()>>);
    impl Wake for LetsGo {
        fn wake(self: Arc<Self>) {
            self.0.send(()).expect("the program waits");
            self.1.lock().unwrap().recv().expect("it lets go");
        }
    }
    struct Dropped(mpsc::Sender<thread::ThreadId>);
    impl Drop for Dropped {
        fn drop(&mut self) {
            let _over = self.0.send(thread::current().id());
        }
    }
    let executor = Arc::new(Executor::new());
    let (off, woken) = looped(SmolExecutor::on(&executor));
    let (run, runs) = mpsc::channel();
    let (wake, awoken) = mpsc::channel();
    let (let_go, gone) = mpsc::channel();
    let program = thread::spawn(move || {
        let waker = Arc::new(LetsGo(wake, Mutex::new(gone))).into();
        let mut running = Box::pin(executor.run(std::future::pending::<()>()));
        assert!(running.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
        run.send(()).expect("the test waits");
        awoken.recv().expect("it is woken");
        drop(running);
        drop(executor);
        let_go.send(()).expect("the waker waits");
    });
    runs.recv().expect("it runs");
    let (dropped, by) = mpsc::channel();
    let held = Dropped(dropped);
    let waits = async move {
        let _held = held;
        std::future::pending::<()>().await;
    };
    off.call_async(waits).then(|seen: &mut Seen<()>, outcome| seen.push(outcome));
    program.join().expect("it lets go");
    assert!(matches!(outcomes(&off, &woken, 1)[..], [Err(Failure::Shutdown)]));
    let by = by.recv_timeout(Duration::from_secs(60)).expect("it is dropped");
    assert_ne!(by, thread::current().id());
}

#[test]
fn a_poll_that_blocks_holds_up_no_shutdown() {
    let (off, woken) = looped(SmolExecutor::new().expect("a thread"));
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

#[test]
fn a_panicking_waker_loses_no_outcome() {
    let builder = Offloop::<Seen<u32>>::builder();
    let builder =
        builder.waker(|| std::panic::resume_unwind(Box::new("a waker panics on purpose")));
    let off = builder.async_on(SmolExecutor::new().expect("a thread")).build().expect("an offloop");
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
fn loops_on_several_threads_share_one_executor() {
    let executor = Arc::new(Executor::new());
    let (run, runs) = async_channel::bounded::<()>(1);
    let its = executor.clone();
    let running = thread::spawn(move || async_io::block_on(its.run(runs.recv())));
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let (off, woken) = looped(SmolExecutor::on(&executor));
                for n in 0..500u32 {
                    let call = off.call_async(async move {
                        futures_lite::future::yield_now().await;
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
    run.close();
    let _closed = running.join().expect("no task panics");
}

/// The application lives in smol, and delivers in a task beside its others.
#[test]
fn a_task_of_a_local_executor_delivers() {
    struct App {
        off: Offloop<App>,
        /// What can not leave the thread.
        shown: Rc<RefCell<Vec<u32>>>,
    }
    let (waker, shown) = (SmolWaker::new(), Rc::new(RefCell::new(Vec::new())));
    let off = Offloop::<App>::builder().waker(waker.clone()).build().expect("an offloop");
    let mut app = App { off, shown: shown.clone() };
    let local = LocalExecutor::new();
    for n in 0..100u32 {
        let call = app.off.call(move || n);
        call.then(|app, outcome| app.shown.borrow_mut().push(outcome.expect("a value")));
    }
    let delivering = local.spawn(async move {
        while app.shown.borrow().len() < 100 {
            waker.woken().await;
            app.off.clone().deliver(&mut app);
        }
    });
    async_io::block_on(local.run(delivering));
    assert_eq!(shown.borrow().iter().sum::<u32>(), 4950);
}

/// A wait that is dropped when it was woken already leaves the wake to the next.
#[test]
fn a_dropped_wait_loses_no_wake() {
    use std::future::Future;
    use std::task::{Context, Waker};

    let waker = SmolWaker::new();
    let mut cx = Context::from_waker(Waker::noop());
    let mut first = Box::pin(waker.woken());
    assert!(first.as_mut().poll(&mut cx).is_pending());
    waker.wake();
    drop(first);
    assert!(Box::pin(waker.woken()).as_mut().poll(&mut cx).is_ready());
    assert!(Box::pin(waker.woken()).as_mut().poll(&mut cx).is_pending());
}
