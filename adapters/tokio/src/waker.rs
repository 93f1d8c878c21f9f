//! The loop's side. Invariant: a wake that comes before the loop waits ends its next wait at once,
//! and one that a dropped wait has seen is there for the next.

use std::sync::Arc;

use offloop::LoopWaker;
use tokio::sync::Notify;

/// Wakes the task of a tokio application that its offloop belongs to: the future of `block_on`, or a
/// task of a [`LocalSet`](tokio::task::LocalSet). Clones are the same waker.
///
/// ```
/// use std::time::Duration;
/// use offloop::Offloop;
/// use offloop_tokio::TokioWaker;
/// # use tokio::time::sleep;
///
/// struct App { off: Offloop<App>, answer: Option<u64>, ticks: u32 }
///
/// # tokio::runtime::Builder::new_current_thread().enable_time().build()?.block_on(async {
/// let waker = TokioWaker::new();
/// let off = Offloop::<App>::builder().waker(waker.clone()).build()?;
/// let mut app = App { off, answer: None, ticks: 0 };
///
/// app.off.call(|| (1..=20).product()).cores().then(|app, outcome| app.answer = outcome.ok());
/// while app.answer.is_none() {
///     tokio::select! {
///         () = waker.woken() => { app.off.clone().deliver(&mut app); }
///         () = sleep(Duration::from_millis(1)) => app.ticks += 1, // and your other branches
///     }
/// }
/// assert_eq!(app.answer, Some(2_432_902_008_176_640_000));
/// # Ok::<(), offloop::Error>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct TokioWaker(Arc<Notify>);

impl TokioWaker {
    /// A waker for one task.
    pub fn new() -> Self {
        Self::default()
    }

    /// Waits for a wake; then it is time to call `deliver`. Wakes that nobody has waited for yet count
    /// as one, and end the next wait at once.
    ///
    /// * **Thread**: the offloop stays on its loop's, so await it there: in `block_on`'s future, or in
    ///   a `LocalSet`. A task of `tokio::spawn` can not hold an `Offloop`.
    /// * **Cancel**: it may be dropped at any time, as by `select!`; no wake is lost.
    pub async fn woken(&self) {
        self.0.notified().await;
    }
}

impl LoopWaker for TokioWaker {
    fn wake(&self) {
        self.0.notify_one();
    }
}
