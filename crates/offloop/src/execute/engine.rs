//! The executors of one offloop, together: where a call goes, and how it all ends.
//!
//! Order of the end: nothing new (`life`), nothing queued (`drain`), what runs is waited for and
//! then given up, the workers leave, then the reaper that drops what they left, then the keeper.

use std::borrow::Cow;
use std::collections::HashSet;
use std::io;
use std::panic::Location;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, Weak};
use std::time::{Duration, Instant};

use super::charge::Charge;
use super::crew::{Crew, CrewCounts};
use super::futures::{AsyncCrew, StallCounts, Stalls};
use super::grave::Grave;
use super::guest::Guest;
use super::keeper::{Bell, Keeper, ManualClock, Timers};
use super::process::{self, Shop};
use super::resident::Resident;
use super::threads::{Apart, Pool, lock};
use super::{Executor, Ring, inline};
use crate::complete::{CallRef, Hub, LaneId, Life, Load, Verdict};
use crate::sync::{Ordering, fence};

/// A call whose function was still running when a shutdown's time was over.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct AbandonedCall {
    /// The call's name, if it was given one.
    pub name: Option<Cow<'static, str>>,
    /// Where the call was submitted.
    pub place: &'static Location<'static>,
}

/// How the running calls ended.
pub(crate) struct Exits {
    pub(crate) finished: usize,
    pub(crate) abandoned: Vec<AbandonedCall>,
}

/// What runs the calls of one of an offloop's two pools.
pub(crate) enum Seat {
    Own(Apart),
    Guest(Arc<dyn Executor>),
}

pub(crate) struct Engine {
    charge: Arc<Charge>,
    bell: Arc<Bell>,
    keeper: Keeper,
    clock: Option<ManualClock>,
    /// What calls need who leave the process.
    shop: Option<Arc<Shop>>,
    stalls: Option<Arc<Stalls>>,
}

/// What an offloop may have beside its two pools.
pub(crate) struct Annexes {
    pub(crate) clock: Option<ManualClock>,
    pub(crate) shop: Option<Arc<Shop>>,
    pub(crate) futures: Option<AsyncCrew>,
}

impl Engine {
    pub(crate) fn start(
        hub: Arc<Hub>,
        threads: Seat,
        cores: Seat,
        annexes: Annexes,
    ) -> io::Result<Self> {
        let Annexes { clock, shop, futures } = annexes;
        let stalls = futures.as_ref().map(AsyncCrew::stalls);
        let bell = Arc::new(Bell::default());
        let crew = |seat| -> Arc<dyn Crew> {
            match seat {
                Seat::Own(options) => Pool::new(options, hub.clone(), bell.clone()),
                Seat::Guest(executor) => Arc::new(Guest::new(executor)),
            }
        };
        let charge = Arc::new(Charge {
            threads: crew(threads),
            cores: crew(cores),
            processes: shop.clone().map(|shop| process::crew(shop, &hub, &bell)),
            futures,
            reaper: Pool::new(Apart::reaper(), hub.clone(), bell.clone()),
            resources: Mutex::default(),
            timers: Timers::new(),
            owes_turn: AtomicBool::new(false),
            hub,
        });
        let keeper = Keeper::start(bell.clone(), charge.clone()).inspect_err(|_| {
            if let Some(processes) = &charge.processes {
                processes.wait_left(Instant::now());
            }
        })?;
        charge.hub.set_discard(Some(charge.reaper.clone()));
        let desk: Weak<Charge> = Arc::downgrade(&charge);
        charge.hub.set_desk(desk);
        Ok(Self { charge, bell, keeper, clock, shop, stalls })
    }

    #[cfg_attr(
        not(all(feature = "process", target_os = "linux")),
        expect(dead_code, reason = "there is none")
    )]
    pub(crate) fn shop(&self) -> Option<&Arc<Shop>> {
        self.shop.as_ref()
    }

    /// A thread for one resource; it is started when the first call comes.
    pub(crate) fn resident(&self) -> Arc<Resident> {
        let options = Apart::resident();
        let pool = Pool::new(options.clone(), self.charge.hub.clone(), self.bell.clone());
        let resident = Resident::new(pool, &options);
        // At the end there is nothing to find: no call gets to it any more, so it has no thread.
        if self.charge.hub.life() == Life::Open {
            lock(&self.charge.resources).push(resident.clone());
        }
        resident
    }

    /// Sends a call on its way: one wake at the most, beside that of a foreign executor.
    pub(crate) fn submit(&self, load: Load, resident: Option<&Resident>) {
        let ring = self.set_timer(load.call());
        match load.call().policy() {
            None => self.go(load, resident, ring),
            Some(_) => self.submit_by_policy(load, resident, ring),
        }
        self.sent(ring);
    }

    fn submit_by_policy(&self, load: Load, resident: Option<&Resident>, ring: Ring) {
        let call = load.call().clone();
        let Some(policy) = call.policy() else { return };
        policy.submitted();
        match policy.enter(load) {
            Some(load) => self.go(load, resident, ring),
            // It waits at a turnstile, behind a lock.
            None => fence(Ordering::SeqCst),
        }
    }

    /// Hands a call to whoever runs it; as of [`Crew::submit`], the caller's next look at `life` comes
    /// behind that.
    fn go(&self, load: Load, resident: Option<&Resident>, ring: Ring) {
        match (load, resident) {
            (Load::Work(work, priority), Some(resident)) => {
                resident.submit(work, priority, ring);
                if self.charge.hub.life() != Life::Open {
                    // The keeper may have forgotten it.
                    resident.turn_away();
                }
            }
            (Load::Work(work, priority), None) => {
                let crew = self.charge.crew(work.call().lane_id());
                crew.expect("a call that runs has a crew").submit(work, priority, ring);
            }
            (Load::StandBy(call), _) => {
                inline::stand_by(&self.charge, &call, ring);
                fence(Ordering::SeqCst);
            }
        }
    }

    /// Only minds the deadline of a call that another one's run serves.
    pub(crate) fn mind(&self, call: &CallRef) {
        let ring = self.set_timer(call);
        fence(Ordering::SeqCst);
        self.sent(ring);
    }

    /// `Ring::No` when the keeper would wake too late for the call's deadline, so that
    /// [`sent`](Self::sent) wakes it.
    fn set_timer(&self, call: &CallRef) -> Ring {
        match (call.deadline(), &self.clock) {
            (Some(at), Some(clock)) => {
                clock.add(at, call.clone(), &self.charge);
                Ring::Yes
            }
            (Some(at), None) if self.charge.timers.add(at, call.clone()) => Ring::No,
            _ => Ring::Yes,
        }
    }

    /// Behind the push: a close may have come between the caller's look at `life` and that.
    fn sent(&self, ring: Ring) {
        if ring == Ring::No {
            self.bell.ring();
        }
        self.charge.drain_if_closed();
    }

    /// Has the keeper drain; returns at once. By a clock that is moved by hand all is decided where
    /// the test says, so it is here.
    pub(crate) fn drain_soon(&self) {
        if self.clock.is_some() {
            self.charge.drain_if_closed();
        } else {
            self.bell.ring();
        }
    }

    /// Waits for what runs, at most `within`; then decides what is left, and ends all threads.
    pub(crate) fn shut_down(&self, within: Duration) -> Exits {
        let until = Instant::now().checked_add(within).unwrap_or_else(far_off);
        self.charge.drain_if_closed();
        let mut abandoned = Abandoned::default();
        let crews = self.charge.crews();
        for crew in &crews {
            crew.wait_returned(until);
        }
        for crew in &crews {
            if Instant::now() >= until {
                give_up(&**crew, &mut abandoned);
            }
            crew.stop();
        }
        for crew in &crews {
            crew.wait_left(until);
            // A worker that had claimed a call before the end began may have entered its function
            // after the looks above. By now each has left or is inside one.
            give_up(&**crew, &mut abandoned);
        }
        let finished = &self.charge.hub.counts.finished_in_shutdown;
        let finished = finished.load(std::sync::atomic::Ordering::Relaxed);
        let finished = usize::try_from(finished).unwrap_or(usize::MAX);
        Exits { finished, abandoned: abandoned.calls }
    }

    /// The end of all threads; what the loop thread leaves from now on waits for
    /// [`bury`](Self::bury).
    pub(crate) fn end(&self, until: Option<Instant>) {
        self.charge.reaper.stop();
        self.charge.reaper.wait_left(until.unwrap_or_else(far_off));
        self.keeper.stop();
        // It may have been about to start a worker when the pool stopped; now it starts no more.
        for crew in self.charge.crews() {
            crew.join(until.unwrap_or_else(far_off));
        }
        self.charge.reaper.join(until.unwrap_or_else(far_off));
        self.charge.hub.set_discard(Some(Arc::new(Grave::new())));
        // A reaper that is inside a destructor goes on with the rest when it returns.
        if self.charge.reaper.roster().threads() == 0 {
            // No thread could be had for these.
            for load in self.charge.reaper.drain() {
                load.dispose();
            }
        }
    }

    /// The loop's last handle is gone, and nobody on its thread leaves remains any more.
    pub(crate) fn bury(&self) {
        self.charge.hub.set_discard(None);
    }

    /// In a forked child: joins and ends nothing.
    pub(crate) fn forget(&self) {
        self.keeper.forget();
        for lane in [LaneId::Threads, LaneId::Cores, LaneId::Process, LaneId::Async] {
            if let Some(crew) = self.charge.crew(lane) {
                crew.forget();
            }
        }
    }

    /// Whether there is somebody to poll futures.
    pub(crate) fn polls(&self) -> bool {
        self.stalls.is_some()
    }

    pub(crate) fn stalls(&self) -> StallCounts {
        self.stalls.as_ref().map_or_else(StallCounts::default, |stalls| stalls.counts())
    }

    pub(crate) fn counts(&self, lane: LaneId) -> Option<CrewCounts> {
        self.charge.crew(lane).map(|crew| crew.counts())
    }

    pub(crate) fn residents(&self) -> Vec<Arc<Resident>> {
        self.charge.residents()
    }
}

/// Calls whose functions were cut short; of futures there may be tens of thousands.
#[derive(Default)]
struct Abandoned {
    /// By their own ids.
    known: HashSet<usize>,
    calls: Vec<AbandonedCall>,
}

/// Decides what runs, and notes each call whose function was cut short, once.
fn give_up(crew: &dyn Crew, abandoned: &mut Abandoned) {
    for call in crew.running() {
        if let Some(from) = call.decide(Verdict::Shutdown) {
            crew.cut_short(&call, from);
        }
        // A worker also holds calls that it is about to skip, or has just finished.
        if call.is_cut_short() && abandoned.known.insert(call.id()) {
            let (name, place) = (call.name().cloned(), call.place());
            abandoned.calls.push(AbandonedCall { name, place });
        }
    }
}

/// A time that no shutdown lives to see, for waits beyond the clock's range.
fn far_off() -> Instant {
    Instant::now() + Duration::from_secs(86_400 * 365)
}
