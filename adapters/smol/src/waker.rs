//! The loop's side. Invariant: a wake that comes before the loop waits ends its next wait at once.

use async_channel::{Receiver, Sender, bounded};
use offloop::LoopWaker;

/// Wakes the task of a smol application that its offloop belongs to: the future of `block_on`, or a
/// task of a `LocalExecutor`. Clones are the same waker.
///
/// ```
/// use std::time::Duration;
/// use async_io::Timer;
/// use futures_lite::FutureExt;
/// use offloop::Offloop;
/// use offloop_smol::SmolWaker;
///
/// struct App { off: Offloop<App>, answer: Option<u64>, ticks: u32 }
///
/// # async_io::block_on(async {
/// let waker = SmolWaker::new();
/// let off = Offloop::<App>::builder().waker(waker.clone()).build()?;
/// let mut app = App { off, answer: None, ticks: 0 };
///
/// app.off.call(|| (1..=20).product()).cores().then(|app, outcome| app.answer = outcome.ok());
/// while app.answer.is_none() {
///     let woken = async { waker.woken().await; true };
///     let tick = async { Timer::after(Duration::from_millis(1)).await; false };
///     if woken.or(tick).await {
///         app.off.clone().deliver(&mut app);
///     } else {
///         app.ticks += 1; // and your other events
///     }
/// }
/// assert_eq!(app.answer, Some(2_432_902_008_176_640_000));
/// # Ok::<(), offloop::Error>(())
/// # })?;
/// # Ok::<(), offloop::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct SmolWaker {
    /// One place: a wake that finds it taken is already on its way.
    wakes: Sender<()>,
    woken: Receiver<()>,
}

impl Default for SmolWaker {
    fn default() -> Self {
        Self::new()
    }
}

impl SmolWaker {
    /// A waker for one task.
    pub fn new() -> Self {
        let (wakes, woken) = bounded(1);
        Self { wakes, woken }
    }

    /// Waits for a wake; then it is time to call `deliver`. Wakes that nobody has waited for yet count
    /// as one, and end the next wait at once.
    ///
    /// * **Thread**: the offloop stays on its loop's, so await it there.
    /// * **Cancel**: it may be dropped at any time; no wake is lost.
    pub async fn woken(&self) {
        // It never closes: `wakes` is here.
        let _woken = self.woken.recv().await;
    }
}

impl LoopWaker for SmolWaker {
    fn wake(&self) {
        let _or_one_is_there = self.wakes.try_send(());
    }
}
