//! What all runs together found out about each file.
//!
//! A file has a digest only when no run failed on it and all runs agree; the first
//! reason against it stays.

use super::model::Model;
use crate::work::digest::{FileError, Hashed};
use crate::work::sums::Digest;
use crate::work::walk::Note;
use std::fmt;
use std::path::PathBuf;

/// Which run: a model in a round, counted from one; 0 is the run with chaos.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RunId {
    pub(crate) model: &'static Model,
    pub(crate) round: u32,
}

impl RunId {
    pub(crate) fn is_chaos(&self) -> bool {
        self.round == 0
    }
}

impl fmt::Display for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.round {
            0 => write!(f, "{} in chaos", self.model.name),
            round => write!(f, "{} in round {round}", self.model.name),
        }
    }
}

#[derive(Debug)]
enum Entry {
    Unseen,
    Hashed(Hashed, RunId),
    Failed(Box<str>),
}

/// One entry per file of the work list, by its place in it.
#[derive(Debug, Default)]
pub(crate) struct Ledger(Vec<Entry>);

/// The files sorted out.
#[derive(Debug, Default)]
pub(crate) struct Settled {
    /// Places in the work list.
    pub(crate) hashed: Vec<(usize, Digest)>,
    pub(crate) bytes: u64,
    pub(crate) failed: Vec<Note>,
    /// No run came to them.
    pub(crate) unseen: usize,
}

impl Ledger {
    pub(crate) fn new(files: usize) -> Ledger {
        Ledger((0..files).map(|_| Entry::Unseen).collect())
    }

    /// Adds what one run found. A call that was stopped is not to be recorded.
    pub(crate) fn record(&mut self, index: usize, run: RunId, result: Result<Hashed, FileError>) {
        let entry = &mut self.0[index];
        match (&entry, result) {
            (Entry::Failed(_), _) => {}
            (_, Err(error)) => *entry = Entry::Failed(error.to_string().into()),
            (Entry::Unseen, Ok(hashed)) => *entry = Entry::Hashed(hashed, run),
            (Entry::Hashed(before, _), Ok(hashed)) if *before == hashed => {}
            (Entry::Hashed(_, first), Ok(_)) => {
                let reason = format!("changed: its SHA-256 under {run} is not that under {first}");
                *entry = Entry::Failed(reason.into());
            }
        }
    }

    /// Adds that the call itself had no result.
    pub(crate) fn record_failed_call(&mut self, index: usize, failure: &offloop::Failure) {
        if !matches!(self.0[index], Entry::Failed(_)) {
            self.0[index] = Entry::Failed(format!("has no result: {failure}").into());
        }
    }

    pub(crate) fn settle(self, files: &[PathBuf]) -> Settled {
        let mut settled = Settled::default();
        for (index, entry) in self.0.into_iter().enumerate() {
            match entry {
                Entry::Unseen => settled.unseen += 1,
                Entry::Hashed(hashed, _) => {
                    settled.bytes += hashed.bytes;
                    settled.hashed.push((index, hashed.digest));
                }
                Entry::Failed(reason) => {
                    settled.failed.push(Note { path: files[index].clone(), reason: reason.into() })
                }
            }
        }
        settled
    }
}
