//! A promise under test. Invariant: whatever becomes of its check, the verdict comes within its
//! time limit, and a verdict against is one panic whose sentence names the promise.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

/// What an implementation owes, by the name of the function that checks it.
pub(crate) struct Promise {
    /// Who owes it: "loop" or "executor".
    pub(crate) of: &'static str,
    pub(crate) name: &'static str,
    /// Where it is written: `D…` in the docs of `loops`, `E…` in those of `executors`, `G…` in
    /// GUARANTEES.md.
    pub(crate) numbers: &'static str,
    pub(crate) sentence: &'static str,
}

/// Ends the check: the promise is broken, and this was seen. The panic hook stays silent; the
/// verdict speaks.
macro_rules! broken {
    ($($seen:tt)+) => {
        $crate::promise::give_up(format!($($seen)+))
    };
}
pub(crate) use broken;

pub(crate) fn give_up(seen: String) -> ! {
    resume_unwind(Box::new(seen))
}

impl Promise {
    /// Runs `body` on a thread of its own, for `limit` at the most.
    #[track_caller]
    pub(crate) fn check(&self, limit: Duration, body: impl FnOnce() + Send + 'static) {
        let (sender, verdict) = mpsc::channel();
        let thread = thread::Builder::new().name(self.name.to_owned()).spawn(move || {
            // Nobody listens any more when the limit has passed.
            let _late = sender.send(catch_unwind(AssertUnwindSafe(body)));
        });
        let thread = thread.expect("the system gives a thread to run the check on");
        match verdict.recv_timeout(limit) {
            Ok(outcome) => {
                thread.join().expect("a check that gave its verdict ends");
                self.judge(outcome);
            }
            // A thread inside an endless wait can't be ended; it is left to the test program.
            Err(RecvTimeoutError::Timeout) => self.refuse(&format!(
                "its check did not come back within {limit:?}, so something blocks or goes round for ever"
            )),
            Err(RecvTimeoutError::Disconnected) => {
                self.refuse("the thread of its check ended without a verdict");
            }
        }
    }

    /// Runs `body` right here; when it has not returned after `limit`, the program ends.
    #[track_caller]
    pub(crate) fn check_here(&self, limit: Duration, body: impl FnOnce()) {
        let (done, watch) = mpsc::channel::<()>();
        let late = self.told(&format!("its check did not come back within {limit:?}"));
        let watcher = thread::spawn(move || {
            if watch.recv_timeout(limit) == Err(RecvTimeoutError::Timeout) {
                eprintln!("{late}");
                std::process::exit(101);
            }
        });
        let outcome = catch_unwind(AssertUnwindSafe(body));
        drop(done);
        watcher.join().expect("the watch ends with the check");
        self.judge(outcome);
    }

    #[track_caller]
    fn judge(&self, outcome: thread::Result<()>) {
        if let Err(payload) = outcome {
            self.refuse(text(&*payload));
        }
    }

    #[track_caller]
    fn refuse(&self, seen: &str) -> ! {
        panic!("{}", self.told(seen))
    }

    fn told(&self, seen: &str) -> String {
        let Self { of, name, numbers, sentence } = self;
        format!("this {of} breaks the promise `{name}` ({numbers}: {sentence}): {seen}")
    }
}

/// What a panic was raised with, if it is text.
pub(crate) fn text(payload: &(dyn Any + Send)) -> &str {
    if let Some(text) = payload.downcast_ref::<&'static str>() {
        text
    } else if let Some(text) = payload.downcast_ref::<String>() {
        text
    } else {
        "a panic whose payload is not text"
    }
}
