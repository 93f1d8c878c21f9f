//! The right to kill a worker for a call.
//!
//! | state | event | next | who |
//! | --- | --- | --- | --- |
//! | Free | hold(n) | Held(n) | the attendant, before it sends call n |
//! | Held(n) | let_go(n) | Free | the attendant, when it has the answer |
//! | Held(n) | cut(n) | Cut | a killer, who then kills the process |
//! | Free, Held(m) | cut(n) | as before | a killer that comes too late: nobody is killed |
//! | Cut | any | Cut | the worker is on its way out, and nobody has it any more |
//!
//! Numbers are never used twice, so that a late killer can't mean another call. Model:
//! `execute::process::leash::loom`.

use crate::sync::{AtomicU64, Ordering};

const FREE: u64 = 0;
const CUT: u64 = u64::MAX;

pub(super) struct Leash(AtomicU64);

impl Leash {
    pub(super) fn new() -> Self {
        Self(AtomicU64::new(FREE))
    }

    /// `false`: it is cut.
    pub(super) fn hold(&self, number: u64) -> bool {
        debug_assert!(number != FREE && number != CUT, "no call has this number");
        self.swap(FREE, number)
    }

    /// `false`: it was cut, and the worker is lost.
    pub(super) fn let_go(&self, number: u64) -> bool {
        self.swap(number, FREE)
    }

    /// `true`: the caller is the one that kills.
    pub(super) fn cut(&self, number: u64) -> bool {
        self.swap(number, CUT)
    }

    #[cfg(all(test, loom))]
    pub(super) fn is_cut(&self) -> bool {
        self.0.load(Ordering::Acquire) == CUT
    }

    fn swap(&self, from: u64, to: u64) -> bool {
        self.0.compare_exchange(from, to, Ordering::AcqRel, Ordering::Acquire).is_ok()
    }
}

#[cfg(all(test, loom))]
mod loom {
    //! Every interleaving of an attendant and its killers. Invariant: a worker dies for the call
    //! that it has, or for none.

    use loom::sync::Arc;
    use loom::sync::atomic::{AtomicBool, Ordering};
    use loom::thread;

    use super::Leash;

    #[test]
    fn an_answer_and_a_kill_exclude_each_other() {
        loom::model(|| {
            let leash = Arc::new(Leash::new());
            assert!(leash.hold(1));
            let killers = [(); 2].map(|()| {
                let leash = leash.clone();
                thread::spawn(move || leash.cut(1))
            });
            let answered = leash.let_go(1);
            let kills = killers.map(|killer| killer.join().unwrap());
            let kills = kills.iter().filter(|killed| **killed).count();
            assert_eq!(usize::from(answered) + kills, 1, "one of them has the worker");
            assert_eq!(leash.is_cut(), !answered);
        });
    }

    #[test]
    fn a_late_killer_harms_no_later_call() {
        loom::model(|| {
            let leash = Arc::new(Leash::new());
            assert!(leash.hold(1));
            let killer = {
                let leash = leash.clone();
                thread::spawn(move || leash.cut(1))
            };
            let first = leash.let_go(1);
            // The second call finds the worker whole, or does not get it.
            let second = leash.hold(2) && leash.let_go(2);
            assert_eq!(first, second);
            assert_eq!(killer.join().unwrap(), !first);
        });
    }

    /// P3 of the module: put on the leash, then look whether it is decided; decide, then cut.
    #[test]
    fn a_decided_call_is_not_sent_or_is_killed() {
        loom::model(|| {
            let (leash, decided) = (Arc::new(Leash::new()), Arc::new(AtomicBool::new(false)));
            let listed = Arc::new(loom::sync::Mutex::new(false));
            let killer = {
                let (leash, decided, listed) = (leash.clone(), decided.clone(), listed.clone());
                thread::spawn(move || {
                    decided.store(true, Ordering::Release);
                    let found = *listed.lock().unwrap();
                    found && leash.cut(1)
                })
            };
            assert!(leash.hold(1));
            *listed.lock().unwrap() = true;
            let sent = !decided.load(Ordering::Acquire);
            let killed = killer.join().unwrap();
            assert!(!sent || killed, "it runs although it is decided");
        });
    }
}
