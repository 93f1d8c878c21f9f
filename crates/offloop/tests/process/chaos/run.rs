//! One run: calls from a seed, a few under way at a time, now and then a storm of kills. Invariant: a
//! worker is hit blindly only while no innocent call is under way.

use std::path::{Path, PathBuf};
use std::time::Duration;

use offloop::{Scope, Ticket};

use super::audit::{children, what_is_left};
use super::ledger::Books;
use super::outside::{Canceller, Killer, signal};
use super::plan::{Class, Dice};
use super::submit::submit;
use crate::common::TestLoop;
use crate::common::alone::descriptors;
use crate::functions::{looped, processes};

pub(super) const MAX_PAYLOAD: usize = 4_000_000;

const WORKERS: usize = 6;

/// A deadline counts from the submit, so not too many are under way.
const UNDER_WAY: usize = 2 * WORKERS;

/// How many calls there are between two storms.
const STORM_AFTER: u64 = 500;

pub(super) struct Run {
    pub(super) lp: TestLoop<Books>,
    pub(super) folder: PathBuf,
    /// The last call of each key of `latest`.
    pub(super) newest: [Option<u32>; 3],
    pub(super) scope: Option<Scope>,
    canceller: Canceller,
}

impl Run {
    pub(super) fn cancel_after(&self, ticket: Ticket, time_ms: u64) {
        self.canceller.cancel_after(ticket, time_ms);
    }

    fn settle(&mut self, books: &mut Books) {
        self.lp.run_until(books, |books| books.under_way() == 0);
        for newest in self.newest.iter_mut().filter_map(Option::take) {
            if !books.has_value(newest) {
                books.wrong.push(format!("call {newest} was the newest of its key"));
            }
        }
    }

    /// Calls that may be hit, while workers are killed whatever they do.
    fn storm(&mut self, books: &mut Books, dice: &mut Dice) {
        self.settle(books);
        for n in 0..40 {
            let class = if dice.below(2) == 0 { Class::Hit } else { Class::HitIdempotent };
            submit(self, books, class, dice);
            if n % 10 == 0 {
                let children = children();
                if let Some(child) = children.get(dice.below(WORKERS as u64) as usize) {
                    signal(*child, 9);
                }
            }
            self.lp.run_until(books, |books| books.under_way() < UNDER_WAY);
        }
        self.settle(books);
    }
}

/// Makes the calls; gives what is wrong.
pub(super) fn run(calls: u64, seed: u64, folder: &Path) -> Vec<String> {
    let before = descriptors().len();
    let worker = processes().workers(WORKERS).spare(2).max_payload(MAX_PAYLOAD);
    let worker = worker.memory_limit(120 << 20).recycle_after(30);
    let lp = looped(worker.back_off(Duration::from_millis(1)));
    let killer = Killer::start(folder);
    let canceller = Canceller::start();
    let (newest, folder) = ([None; 3], folder.to_owned());
    let mut run = Run { lp, folder, newest, scope: None, canceller };
    let (mut books, mut dice) = (Books::default(), Dice(seed));
    for n in 1..=calls {
        let class = Class::roll(&mut dice);
        submit(&mut run, &mut books, class, &mut dice);
        books.enter_unrun();
        run.lp.run_until(&mut books, |books| books.under_way() < UNDER_WAY);
        if n.is_multiple_of(STORM_AFTER) {
            run.storm(&mut books, &mut dice);
        }
    }
    run.scope = None;
    books.enter_unrun();
    run.settle(&mut books);
    let workers = run.lp.off.stats().workers;
    let report = run.lp.off.shutdown(Duration::from_secs(20));
    if !report.abandoned.is_empty() || report.never_started > 0 {
        books.wrong.push(format!("all calls were done, and the shutdown said {report:?}"));
    }
    let folder = run.folder.clone();
    drop((run, killer));
    books.buffers.clear();
    books.check_runs(&folder);
    println!("{}\n  {workers:?}", books.summary());
    let mut wrong = std::mem::take(&mut books.wrong);
    drop(books);
    wrong.extend(what_is_left(before).into_iter().map(|left| format!("left: {left}")));
    wrong
}
