//! The books of the chaos. Invariant: every call has a line, which says what it may come to before it
//! is submitted; what it came to is written once.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::Path;
use std::rc::Rc;

use offloop::{By, Exit, Failure, Outcome, Reason, SharedBuf};

use super::functions::RUNS;
use super::plan::Class;

/// What a call came to, as far as it matters here.
type Kind = String;

#[derive(Default)]
pub(super) struct Books {
    lines: Vec<Line>,
    pub(super) done: usize,
    pub(super) wrong: Vec<String>,
    seen: BTreeMap<(Class, Kind), u64>,
    /// Buffers that came back, and what each of their bytes is.
    pub(super) buffers: Vec<(SharedBuf, u8)>,
    /// The newest value of progress, by call.
    pub(super) progress: BTreeMap<u32, u32>,
    /// The last call of those whose handlers keep their order.
    last_in_order: Option<u32>,
    /// Calls whose handlers were dropped unrun.
    unrun: Rc<RefCell<Vec<u32>>>,
}

struct Line {
    class: Class,
    is_done: bool,
    has_value: bool,
}

/// In a handler: tells of its end if it is dropped unrun.
pub(super) struct Slip {
    id: u32,
    unrun: Option<Rc<RefCell<Vec<u32>>>>,
}

impl Drop for Slip {
    fn drop(&mut self) {
        if let Some(unrun) = self.unrun.take() {
            unrun.borrow_mut().push(self.id);
        }
    }
}

fn kind<T>(outcome: &Outcome<T>) -> Kind {
    match outcome {
        Ok(_) => "value".into(),
        Err(Failure::Panicked(_)) => "panic".into(),
        Err(Failure::Died(Exit::Signal(signal))) => format!("signal {signal}"),
        Err(Failure::Died(Exit::Code(code))) => format!("code {code}"),
        Err(Failure::Died(exit)) => format!("{exit:?}"),
        Err(Failure::Cancelled(By::Caller)) => "cancel".into(),
        Err(Failure::Cancelled(By::Superseded)) => "superseded".into(),
        Err(Failure::TimedOut) => "deadline".into(),
        Err(Failure::Codec(_)) => "codec".into(),
        Err(Failure::Rejected(Reason::TooLarge)) => "too large".into(),
        Err(other) => format!("{other:?}"),
    }
}

impl Books {
    /// Opens a line; gives its number and what its handler keeps.
    pub(super) fn open(&mut self, class: Class) -> (u32, Slip) {
        let id = self.lines.len() as u32;
        self.lines.push(Line { class, is_done: false, has_value: false });
        (id, Slip { id, unrun: Some(self.unrun.clone()) })
    }

    pub(super) fn has_value(&self, id: u32) -> bool {
        self.lines[id as usize].has_value
    }

    pub(super) fn under_way(&self) -> usize {
        self.lines.len() - self.done
    }

    /// An outcome came, whose value is the right one if `fits`.
    pub(super) fn close<T>(
        &mut self,
        mut slip: Slip,
        outcome: Outcome<T>,
        fits: impl FnOnce(T) -> bool,
    ) {
        slip.unrun = None;
        let kind = kind(&outcome);
        if let Ok(value) = outcome {
            self.lines[slip.id as usize].has_value = true;
            if !fits(value) {
                self.wrong.push(format!("call {} has another value", slip.id));
            }
        }
        self.enter(slip.id, kind);
    }

    fn enter(&mut self, id: u32, kind: Kind) {
        let line = &mut self.lines[id as usize];
        let class = line.class;
        if line.is_done {
            self.wrong.push(format!("call {id}, {class:?}, has a second outcome: {kind}"));
            return;
        }
        line.is_done = true;
        self.done += 1;
        if !class.may().contains(&kind.as_str()) {
            self.wrong.push(format!("call {id}, {class:?}, came to {kind}"));
        }
        if class == Class::InOrder {
            if self.last_in_order.is_some_and(|last| last > id) {
                self.wrong.push(format!("call {id} was handled after {:?}", self.last_in_order));
            }
            self.last_in_order = Some(id);
        }
        *self.seen.entry((class, kind)).or_default() += 1;
    }

    /// Enters those whose handlers were dropped since.
    pub(super) fn enter_unrun(&mut self) {
        for id in self.unrun.take() {
            self.enter(id, "unrun".into());
        }
    }

    /// Compares how often functions were entered with how often they may.
    pub(super) fn check_runs(&mut self, folder: &Path) {
        let records = std::fs::read(folder.join(RUNS)).expect("functions were entered");
        let mut runs = vec![0; self.lines.len()];
        for record in records.chunks_exact(4) {
            runs[u32::from_le_bytes(record.try_into().expect("four bytes")) as usize] += 1;
        }
        for (id, (line, runs)) in self.lines.iter().zip(runs).enumerate() {
            let class = line.class;
            // One of those who share a run is entered for all.
            let is_missing = line.has_value && runs == 0 && class != Class::Shared;
            if !class.runs().contains(&runs) || (is_missing && *class.runs().end() > 0) {
                self.wrong.push(format!("call {id}, {class:?}, ran {runs} times"));
            }
        }
    }

    pub(super) fn summary(&self) -> String {
        let mut kinds: BTreeMap<&str, u64> = BTreeMap::new();
        let mut lines = String::new();
        for ((class, kind), count) in &self.seen {
            *kinds.entry(kind).or_default() += count;
            lines += &format!("  {:<22} {kind:<12} {count:>8}\n", format!("{class:?}"));
        }
        format!("{lines}  in all: {kinds:?}")
    }
}
