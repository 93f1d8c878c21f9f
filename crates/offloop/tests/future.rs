//! A call as a future: on any runtime, without a turn. Invariant: the executors here poll when
//! their waker says so and at no other time.

mod common;

use std::future::{Future, IntoFuture};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::task::{Context as TaskContext, Poll, Wake, Waker};
use std::thread;
use std::time::Duration;

use common::block_on::block_on;
use common::{Count, Hold, Latch, PATIENCE, TestLoop, explode, wait_until};
use offloop::{Failure, Offloop, Outcome, Threads};

fn one_thread() -> TestLoop<()> {
    TestLoop::with(|builder| builder.threads(Threads::new().max(1)))
}

#[test]
fn a_future_needs_no_turn_and_no_waker_of_the_loop() {
    let off = Offloop::<()>::builder().no_waker().build().unwrap();
    for value in 0..500 {
        assert_eq!(block_on(off.call(move || value)).unwrap(), value);
        assert_eq!(block_on(off.call(move || value).cores()).unwrap(), value);
    }
    let total = block_on(async {
        let first = off.call(|| 1).await?;
        let second = off.call_with(move |_| first + 1).name("second").await?;
        Outcome::Ok(first + second)
    });
    assert_eq!(total.unwrap(), 3);
}

#[test]
fn a_panic_and_a_deadline_reach_the_task() {
    let lp = one_thread();
    let panicked: Outcome<()> = block_on(lp.off.call(|| explode("awaited")));
    assert!(matches!(panicked, Err(Failure::Panicked(panic)) if panic.message() == "awaited"));
    let _hold = Hold::threads(&lp.off, 1);
    let late = block_on(lp.off.call(|| ()).deadline(Duration::from_millis(1)));
    assert!(matches!(late, Err(Failure::TimedOut)));
}

#[test]
fn a_call_is_submitted_when_it_is_first_polled() {
    let (lp, ran) = (one_thread(), Count::new());
    let counted = ran.clone();
    let future = lp.off.call(move || counted.add()).into_future();
    assert_eq!(lp.off.stats().submitted, 0);
    drop(future);
    assert_eq!((lp.off.stats().submitted, ran.get()), (0, 0));
}

fn poll_once<F: Future + Unpin>(future: &mut F) -> Poll<F::Output> {
    Pin::new(future).poll(&mut TaskContext::from_waker(Waker::noop()))
}

#[test]
fn dropping_the_future_cancels_a_queued_call() {
    let (lp, ran) = (one_thread(), Count::new());
    let hold = Hold::threads(&lp.off, 1);
    let counted = ran.clone();
    let mut future = lp.off.call(move || counted.add()).into_future();
    assert!(poll_once(&mut future).is_pending());
    drop(future);
    assert_eq!((lp.off.stats().cancelled, lp.off.stats().threads.queued), (1, 0));
    hold.open();
    assert!(block_on(lp.off.call(|| ())).is_ok());
    assert_eq!(ran.get(), 0);
}

#[test]
fn dropping_the_future_tells_a_running_function() {
    let (lp, entered, heard) = (one_thread(), Count::new(), Count::new());
    let (enter, hears) = (entered.clone(), heard.clone());
    let call = lp.off.call_with(move |cx| {
        enter.add();
        wait_until(|| cx.is_cancelled());
        hears.add();
    });
    let mut future = call.into_future();
    assert!(poll_once(&mut future).is_pending());
    entered.wait(1);
    drop(future);
    heard.wait(1);
}

#[test]
fn the_newest_waker_is_the_one_that_is_woken() {
    struct Counting(AtomicUsize);
    impl Wake for Counting {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }
    let (lp, latch) = (one_thread(), Latch::new());
    let mut future = pin!(lp.off.call(latch.holding(())).into_future());
    let wakers = [0, 1].map(|_| Arc::new(Counting(AtomicUsize::new(0))));
    for waker in &wakers {
        let waker = Waker::from(waker.clone());
        assert!(future.as_mut().poll(&mut TaskContext::from_waker(&waker)).is_pending());
    }
    latch.open();
    wait_until(|| wakers[1].0.load(Ordering::SeqCst) == 1);
    assert_eq!(wakers[0].0.load(Ordering::SeqCst), 0);
    assert!(matches!(poll_once(&mut future), Poll::Ready(Ok(()))));
    assert_eq!(Arc::strong_count(&wakers[0]) + Arc::strong_count(&wakers[1]), 2, "none is kept");
}

/// Tasks on a queue of their own: `Wake` puts a task back, one thread polls.
struct Task {
    future: std::sync::Mutex<Option<Pin<Box<dyn Future<Output = ()> + Send>>>>,
    queue: mpsc::Sender<Arc<Task>>,
}

impl Wake for Task {
    fn wake(self: Arc<Self>) {
        let task = self.clone();
        // The executor may have ended.
        let _gone = self.queue.send(task);
    }
}

#[test]
fn many_futures_of_a_handle_run_on_a_foreign_executor() {
    const TASKS: usize = 500;
    let lp = TestLoop::<()>::new();
    let handle = lp.off.handle();
    let (sender, queue) = mpsc::channel::<Arc<Task>>();
    let done = Count::new();
    for index in 0..TASKS {
        let (handle, done) = (handle.clone(), done.clone());
        let future = async move {
            let first = handle.call(move || index).await.unwrap();
            let second = handle.call(move || first + 1).cores().await.unwrap();
            assert_eq!(second, index + 1);
            done.add();
        };
        let future: Pin<Box<dyn Future<Output = ()> + Send>> = Box::pin(future);
        let task = Task { future: Some(future).into(), queue: sender.clone() };
        sender.send(Arc::new(task)).unwrap();
    }
    let executor = thread::spawn(move || {
        let mut open = TASKS;
        while open > 0 {
            let task = queue.recv_timeout(PATIENCE).expect("a task is woken");
            let mut slot = task.future.lock().unwrap();
            let Some(mut future) = slot.take() else { continue };
            let waker = Waker::from(task.clone());
            match future.as_mut().poll(&mut TaskContext::from_waker(&waker)) {
                Poll::Ready(()) => open -= 1,
                Poll::Pending => *slot = Some(future),
            }
        }
    });
    executor.join().unwrap();
    assert_eq!(done.get(), TASKS);
}

#[test]
fn a_future_of_a_handle_is_send() {
    fn is_send<T: Send>(value: T) -> T {
        value
    }
    let lp = one_thread();
    let future = is_send(lp.off.handle().call(|| 4).into_future());
    assert_eq!(thread::spawn(move || block_on(future)).join().unwrap().unwrap(), 4);
}

#[test]
fn an_inline_future_is_run_by_the_next_turn() {
    let (lp, here) = (one_thread(), thread::current().id());
    let mut future = lp.off.call(|| thread::current().id()).inline().into_future();
    assert!(poll_once(&mut future).is_pending());
    assert_eq!(lp.woken_turn(&mut ()).count, 1);
    assert!(matches!(poll_once(&mut future), Poll::Ready(Ok(id)) if id == here));

    let handle = lp.off.handle();
    let task = thread::spawn(move || block_on(handle.call(|| thread::current().id()).inline()));
    assert_eq!(lp.woken_turn(&mut ()).count, 1);
    assert_eq!(task.join().unwrap().unwrap(), here);
}

#[test]
fn a_shutdown_resolves_every_future() {
    let lp = one_thread();
    let latch = Latch::new();
    let running = lp.off.handle().call(latch.holding(()));
    let running = thread::spawn(move || block_on(running));
    latch.entered.wait(1);
    let handle = lp.off.handle();
    let queued = thread::spawn(move || block_on(handle.call(|| ())));
    let handle = lp.off.handle();
    let inline = thread::spawn(move || block_on(handle.call(|| ()).inline()));
    wait_until(|| lp.off.stats().submitted == 3);
    lp.off.shutdown(Duration::from_millis(1));
    for task in [running, queued, inline] {
        assert!(matches!(task.join().unwrap(), Err(Failure::Shutdown)));
    }
    // The inline one has left its place in the ready queue to a turn.
    lp.woken_turn(&mut ());
    assert!(lp.off.is_closed());
    latch.open();
}

#[test]
fn dropping_the_loop_resolves_every_future_of_its_handles() {
    for round in 0..200_usize {
        let (lp, polled) = (TestLoop::<()>::new(), Count::new());
        let (handle, begun) = (lp.off.handle(), polled.clone());
        let task = thread::spawn(move || {
            for index in 0.. {
                begun.add();
                let call = handle.call(|| ());
                let call = if index % 2 == 0 { call } else { call.inline() };
                if let Err(failure) = block_on(call) {
                    assert!(matches!(failure, Failure::Shutdown));
                    break;
                }
            }
        });
        polled.wait(1);
        for _ in 0..round % 7 {
            lp.turn(&mut ());
            thread::yield_now();
        }
        drop(lp);
        task.join().unwrap();
    }
}

#[test]
fn a_future_polled_after_its_outcome_panics() {
    let lp = one_thread();
    let mut future = lp.off.call(|| ()).into_future();
    wait_until(|| poll_once(&mut future).is_ready());
    let again = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| poll_once(&mut future)));
    assert!(again.unwrap_err().downcast_ref::<&str>().unwrap().contains("polled after"));
}
