//! The process executor as its offloop drives it: a pool of attendants, and the processes.
//!
//! Invariant: a call that is decided while it runs has its worker killed, so its attendant is back
//! at once and is never given up.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::shop::Shop;
use crate::complete::{CallRef, Hub, Phase, Work};
use crate::execute::Ring;
use crate::execute::crew::{Crew, CrewCounts};
use crate::execute::keeper::Bell;
use crate::execute::threads::{Apart, Pool};
use crate::priority::Priority;

/// How long a shutdown waits, past its time, for attendants whose workers were killed.
const RETURN: Duration = Duration::from_millis(500);

struct ProcessCrew {
    attendants: Arc<Pool>,
    shop: Arc<Shop>,
}

/// The executor of a shop.
pub(crate) fn crew(shop: Arc<Shop>, hub: &Arc<Hub>, bell: &Arc<Bell>) -> Arc<dyn Crew> {
    let options = Apart::attendants(shop.workers());
    Arc::new(ProcessCrew { attendants: Pool::new(options, hub.clone(), bell.clone()), shop })
}

impl Crew for ProcessCrew {
    fn submit(&self, work: Work, priority: Priority, ring: Ring) {
        Crew::submit(&*self.attendants, work, priority, ring);
    }

    fn cut_short(&self, call: &CallRef, from: Phase) {
        if from == Phase::Running {
            self.shop.cut(call);
        }
    }

    fn tend(&self, now: Instant) -> Option<Instant> {
        self.attendants.tend(now)
    }

    fn turn_away(&self) {
        self.attendants.turn_away();
    }

    fn wait_returned(&self, until: Instant) {
        self.shop.ask_to_stop();
        self.attendants.wait_returned(until);
    }

    fn running(&self) -> Vec<CallRef> {
        self.attendants.running()
    }

    fn stop(&self) {
        Crew::stop(&*self.attendants);
    }

    fn wait_left(&self, until: Instant) {
        // They run no function of a user's.
        self.join(until.max(Instant::now() + RETURN));
        self.shop.close(until);
    }

    fn join(&self, until: Instant) {
        self.attendants.join(until);
    }

    fn counts(&self) -> CrewCounts {
        let attendants = self.attendants.counts();
        let failed = self.shop.tally.start_failures.load(std::sync::atomic::Ordering::Relaxed);
        let start_failures = attendants.start_failures + failed;
        CrewCounts { threads: self.shop.processes(), start_failures }
    }

    fn forget(&self) {
        self.shop.forget();
    }
}
