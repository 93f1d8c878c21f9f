//! The progress bar, drawn by a thread of its own: a slow terminal must not hold the
//! loop that is measured. The loop adds to one atomic number.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// How often the bar is drawn.
const REDRAW_EVERY: Duration = Duration::from_millis(100);

/// A bar on standard error; gone from the screen when dropped.
pub(crate) struct Progress {
    shared: Arc<Shared>,
    painter: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Shared {
    done: Arc<AtomicU64>,
    label: Mutex<String>,
    over: AtomicBool,
}

impl Progress {
    /// Without a terminal, or when not `visible`, nothing is ever drawn.
    /// `what` names that of which there are `total`.
    pub(crate) fn new(total: u64, what: &str, visible: bool) -> Progress {
        let shared = Arc::new(Shared::default());
        let bar = ProgressBar::with_draw_target(Some(total), ProgressDrawTarget::stderr());
        let painter = (visible && !bar.is_hidden()).then(|| {
            let template = format!("{{msg:26}} {{wide_bar}} {{pos}}/{{len}} {what}, {{eta}} left");
            if let Ok(style) = ProgressStyle::with_template(&template) {
                bar.set_style(style);
            }
            let shared = Arc::clone(&shared);
            thread::spawn(move || shared.paint(&bar))
        });
        Progress { shared, painter }
    }

    /// The number to add to.
    pub(crate) fn done(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.shared.done)
    }

    /// Says what is being done.
    pub(crate) fn label(&self, label: String) {
        let current = self.shared.label.lock();
        *current.unwrap_or_else(PoisonError::into_inner) = label;
    }
}

impl Shared {
    fn paint(&self, bar: &ProgressBar) {
        while !self.over.load(Ordering::Acquire) {
            let label = self.label.lock().unwrap_or_else(PoisonError::into_inner);
            bar.set_message(label.clone());
            drop(label);
            bar.set_position(self.done.load(Ordering::Relaxed));
            thread::park_timeout(REDRAW_EVERY);
        }
        bar.finish_and_clear();
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.shared.over.store(true, Ordering::Release);
        if let Some(painter) = self.painter.take() {
            painter.thread().unpark();
            // A painter that panicked has drawn its last bar; the work is not touched.
            let _ = painter.join();
        }
    }
}
