//! The table of models: every way to run the work that the tour compares.
//!
//! A model is one row here; nothing else in the program lists them.

use super::app::App;
use super::chaos::{HANG_WITHIN, Ill};
use crate::interrupt::Interrupt;
use crate::work::digest::{self, FileError, Hashed};
use crate::work::digest_async;
use offloop::{Call, Offloop, Origin, Priority};
use std::path::PathBuf;
use std::sync::Arc;

/// One way to run the work.
#[derive(Debug)]
pub(crate) struct Model {
    pub(crate) name: &'static str,
    pub(crate) about: &'static str,
    pub(crate) place: Place,
    /// What a call may do without ending the program, or its loop.
    pub(crate) survives: &'static [Ill],
    pub(crate) needs: Needs,
}

/// What a model's offloop has beside its threads and cores.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Needs {
    Nothing,
    /// A tokio runtime behind the loop.
    Runtime,
    #[cfg(target_os = "linux")]
    Processes,
}

/// Where the expensive call runs.
#[derive(Debug)]
pub(crate) enum Place {
    /// In the handler, as in a program without offloop.
    OnLoop,
    /// Where this function submits it to.
    OffLoop(fn(&Offloop<App>, Job)),
}

/// The models, in the order of the page.
pub(crate) static MODELS: &[Model] = &[
    Model {
        name: "inline",
        about: "each file is hashed right on the event loop, without offloop",
        place: Place::OnLoop,
        survives: &[],
        needs: Needs::Nothing,
    },
    Model {
        name: "threads",
        about: "offloop's threads, for calls that wait",
        place: Place::OffLoop(on_threads),
        survives: &[Ill::Hang],
        needs: Needs::Nothing,
    },
    Model {
        name: "cores",
        about: "offloop's cores, for calls that compute",
        place: Place::OffLoop(on_cores),
        survives: &[Ill::Hang],
        needs: Needs::Nothing,
    },
    Model {
        name: "async",
        about: "futures on a tokio runtime behind the loop, for calls that wait without a thread",
        place: Place::OffLoop(on_runtime),
        survives: &[Ill::Hang],
        needs: Needs::Runtime,
    },
    #[cfg(target_os = "linux")]
    Model {
        name: "process",
        about: "offloop's worker processes, for calls that may crash, hang or leak",
        place: Place::OffLoop(in_process),
        survives: &[Ill::Crash, Ill::Hang, Ill::Hog],
        needs: Needs::Processes,
    },
];

/// One file of the work list.
pub(crate) struct Job {
    pub(crate) files: Arc<Vec<PathBuf>>,
    pub(crate) index: usize,
    pub(crate) interrupt: Interrupt,
    /// What the call does instead.
    pub(crate) ill: Option<Ill>,
}

impl Job {
    /// The expensive call. An interruption ends it between two pieces of the file, and so
    /// does `stop`.
    pub(crate) fn hash(&self, stop: impl Fn() -> bool) -> Result<Hashed, FileError> {
        if let Some(ill) = self.ill {
            ill.befall();
        }
        let stop = || stop() || self.interrupt.is_set();
        digest::hash(&self.files[self.index], &stop)
    }

    /// The same as a future. It is dropped when nobody wants its result, so that only an
    /// interruption is looked for.
    async fn hash_async(self) -> Result<Hashed, FileError> {
        if let Some(ill) = self.ill {
            ill.befall_async().await;
        }
        digest_async::hash(&self.files[self.index], || self.interrupt.is_set()).await
    }
}

fn on_threads(off: &Offloop<App>, job: Job) {
    let (index, ill) = (job.index, job.ill);
    hedged(off.call_with(move |cx| job.hash(|| cx.is_cancelled())).threads(), ill)
        .then(move |app: &mut App, outcome| app.on_hashed(index, outcome));
}

fn on_cores(off: &Offloop<App>, job: Job) {
    let (index, ill) = (job.index, job.ill);
    hedged(off.call_with(move |cx| job.hash(|| cx.is_cancelled())).cores(), ill)
        .then(move |app: &mut App, outcome| app.on_hashed(index, outcome));
}

fn on_runtime(off: &Offloop<App>, job: Job) {
    let (index, ill) = (job.index, job.ill);
    hedged(off.call_async(job.hash_async()), ill)
        .then(move |app: &mut App, outcome| app.on_hashed(index, outcome));
}

#[cfg(target_os = "linux")]
fn in_process(off: &Offloop<App>, job: Job) {
    let (index, ill) = (job.index, job.ill);
    let path = job.files[index].as_os_str().as_encoded_bytes().to_owned();
    hedged(off.call_fn_with(crate::functions::hash, (path, ill)).process(), ill)
        .then(move |app: &mut App, outcome| app.on_hashed(index, outcome));
}

/// A call that hangs has a deadline, and does not spend it in the queue. The others have none: what
/// is lost is not lost to a queue behind long files.
fn hedged<O: Origin, J>(call: Call<O, J>, ill: Option<Ill>) -> Call<O, J> {
    match ill {
        Some(Ill::Hang) => call.deadline(HANG_WITHIN).priority(Priority::High),
        _ => call,
    }
}
