//! What the keeper and the submitters share: the pools and the timers of one offloop.
//! Invariant: a call that waits in a pool when its offloop closes is decided `Shutdown` by
//! whoever finds it first, and its job is dropped by the reaper.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use super::Ring;
use super::crew::Crew;
use super::futures::AsyncCrew;
use super::keeper::Timers;
use super::resident::Resident;
use super::threads::{Pool, lock};
use crate::complete::{CallRef, Desk, Hub, LaneId, Life, Load, Phase, Verdict};

pub(crate) struct Charge {
    pub(crate) hub: Arc<Hub>,
    pub(crate) threads: Arc<dyn Crew>,
    pub(crate) cores: Arc<dyn Crew>,
    pub(super) processes: Option<Arc<dyn Crew>>,
    pub(super) futures: Option<AsyncCrew>,
    /// Drops jobs that will not run and results that nobody took.
    pub(crate) reaper: Arc<Pool>,
    /// One pool of one thread per resource that lives.
    pub(super) resources: Mutex<Vec<Arc<Resident>>>,
    pub(crate) timers: Timers,
    /// A submit woke the keeper in the loop's place, so that it woke one thread and not two.
    pub(crate) owes_turn: AtomicBool,
}

impl Charge {
    /// The executors that run calls.
    pub(crate) fn crews(&self) -> Vec<Arc<dyn Crew>> {
        let mut crews = vec![self.threads.clone(), self.cores.clone()];
        crews.extend(self.processes.clone());
        crews.extend(self.futures.clone().map(|futures| Arc::new(futures) as Arc<dyn Crew>));
        crews.extend(self.residents().into_iter().map(|resident| resident as Arc<dyn Crew>));
        crews
    }

    pub(crate) fn residents(&self) -> Vec<Arc<Resident>> {
        lock(&self.resources).clone()
    }

    /// The executor that runs a lane's calls; inline calls run on the loop, and resources each have
    /// their own.
    pub(crate) fn crew(&self, lane: LaneId) -> Option<&dyn Crew> {
        match lane {
            LaneId::Threads => Some(&*self.threads),
            LaneId::Cores => Some(&*self.cores),
            LaneId::Process => self.processes.as_deref(),
            LaneId::Async => self.futures.as_ref().map(|futures| futures as &dyn Crew),
            LaneId::Inline | LaneId::Joined | LaneId::Resource => None,
        }
    }

    /// Leaves it to the keeper to ask for a turn; the caller rings it afterwards.
    pub(crate) fn owe_turn(&self) {
        self.owes_turn.store(true, Ordering::Release);
    }

    /// The keeper asks for the turn that it owes.
    pub(crate) fn pay_turn(&self) {
        if self.owes_turn.swap(false, Ordering::Acquire) {
            self.hub.ask_for_turn();
        }
    }

    /// The call's deadline has passed.
    pub(crate) fn time_out(&self, call: &CallRef) {
        if let Some(from) = call.decide(Verdict::TimedOut) {
            self.cut_short(call, from);
        }
    }

    /// The keeper's look at all executors; says when to look again at the latest.
    pub(crate) fn tend(&self, now: Instant) -> Option<Instant> {
        let retry_at = [self.threads.tend(now), self.cores.tend(now), self.reaper.tend(now)];
        let mut retry_at = retry_at.into_iter().flatten().min();
        if let Some(processes) = self.crew(LaneId::Process) {
            retry_at = retry_at.into_iter().chain(processes.tend(now)).min();
        }
        let residents = self.residents();
        for resident in &residents {
            retry_at = retry_at.into_iter().chain(resident.tend(now)).min();
        }
        if residents.iter().any(|resident| resident.is_over()) {
            lock(&self.resources).retain(|resident| !resident.is_over());
        }
        retry_at
    }

    pub(crate) fn drain_if_closed(&self) {
        if self.hub.life() != Life::Open {
            self.drain();
        }
    }

    #[cold]
    fn drain(&self) {
        // The keeper may have ended.
        self.pay_turn();
        for turnstile in self.hub.parked().all() {
            for load in turnstile.clear(&self.hub) {
                match load {
                    Load::Work(work, _) => work.turn_away(Verdict::Shutdown),
                    Load::StandBy(call) => {
                        call.decide(Verdict::Shutdown);
                    }
                }
            }
        }
        for crew in self.crews() {
            crew.turn_away();
        }
    }
}

impl Desk for Charge {
    fn forward(&self, load: Load) {
        match load {
            Load::Work(work, priority) => match self.crew(work.call().lane_id()) {
                Some(crew) => crew.submit(work, priority, Ring::Yes),
                None => drop(work),
            },
            Load::StandBy(call) => {
                if call.stand_by() {
                    self.hub.ask_for_turn();
                }
            }
        }
        crate::sync::fence(crate::sync::Ordering::SeqCst);
        self.drain_if_closed();
    }

    fn cut_short(&self, call: &CallRef, from: Phase) {
        match self.crew(call.lane_id()) {
            Some(crew) => crew.cut_short(call, from),
            None => {
                if let Some(post) = call.policy().and_then(|policy| policy.post.as_ref()) {
                    post.cut_short(call, from);
                }
            }
        }
    }
}
