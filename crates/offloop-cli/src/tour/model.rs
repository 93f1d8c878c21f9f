//! The table of models: every way to run the work that the tour compares.
//!
//! A model is one row here; nothing else in the program lists them.

use super::app::App;
use crate::interrupt::Interrupt;
use crate::work::digest::{self, FileError, Hashed};
use offloop::Offloop;
use std::path::PathBuf;
use std::sync::Arc;

/// One way to run the work.
#[derive(Debug)]
pub(crate) struct Model {
    pub(crate) name: &'static str,
    pub(crate) about: &'static str,
    pub(crate) place: Place,
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
    },
    Model {
        name: "threads",
        about: "offloop's threads, for calls that wait",
        place: Place::OffLoop(on_threads),
    },
    Model {
        name: "cores",
        about: "offloop's cores, for calls that compute",
        place: Place::OffLoop(on_cores),
    },
];

/// One file of the work list.
pub(crate) struct Job {
    pub(crate) files: Arc<Vec<PathBuf>>,
    pub(crate) index: usize,
    pub(crate) interrupt: Interrupt,
}

impl Job {
    /// The expensive call. An interruption ends it between two pieces of the file, and so
    /// does `stop`.
    pub(crate) fn hash(&self, stop: impl Fn() -> bool) -> Result<Hashed, FileError> {
        let stop = || stop() || self.interrupt.is_set();
        digest::hash(&self.files[self.index], &stop)
    }
}

fn on_threads(off: &Offloop<App>, job: Job) {
    let index = job.index;
    off.call_with(move |cx| job.hash(|| cx.is_cancelled()))
        .threads()
        .then(move |app: &mut App, outcome| app.on_hashed(index, outcome));
}

fn on_cores(off: &Offloop<App>, job: Job) {
    let index = job.index;
    off.call_with(move |cx| job.hash(|| cx.is_cancelled()))
        .cores()
        .then(move |app: &mut App, outcome| app.on_hashed(index, outcome));
}
