//! One side of a comparison on its own mio loop, and the steps that cases are made of.
//!
//! Invariant: a step that waits for outcomes ends with an error after [`PATIENCE`], so a lost call
//! fails the run instead of hanging it.

use std::cell::Cell;
use std::hint;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use mio::{Events, Poll, Token, Waker};

use crate::machine::{self, Placement};
use crate::rivals::{Bell, Contender, Gate, Kind, Rival, Site, Tally};
use crate::run::Entrant;

const WAKE: Token = Token(0);

/// Far more than any wait takes.
const PATIENCE: Duration = Duration::from_secs(20);

/// How many looks of a loop that spins go by between two looks at the clock.
const SPINS: u32 = 1 << 16;

pub(crate) struct Side {
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
    pub(crate) workers: usize,
    rival: Box<dyn Rival>,
    tally: Tally,
    submitted: u64,
    idles: Cell<u64>,
    poll: Poll,
    events: Events,
    bell: Bell,
}

impl Entrant for Side {
    fn name(&self) -> &'static str {
        self.name
    }

    fn kind(&self) -> Kind {
        self.kind
    }

    /// How many calls came back as anything but `Ok`, since the last time it was asked.
    fn take_failed(&mut self) -> u64 {
        std::mem::take(&mut self.tally.failed)
    }
}

impl Side {
    pub(crate) fn new(contender: &Contender, workers: usize) -> Result<Self> {
        let poll = Poll::new()?;
        let waker = Arc::new(Waker::new(poll.registry(), WAKE)?);
        let bell = Bell { waker, rung: Arc::new(AtomicU64::new(0)) };
        let rival = (contender.build)(&Site { bell: bell.clone(), workers })
            .with_context(|| format!("could not build {}", contender.name))?;
        Ok(Self {
            name: contender.name,
            kind: contender.kind,
            workers: if matches!(contender.kind, Kind::Floor { .. }) { 0 } else { workers },
            rival,
            tally: Tally::default(),
            submitted: 0,
            idles: Cell::new(0),
            poll,
            events: Events::with_capacity(16),
            bell,
        })
    }

    fn spins(&self) -> bool {
        self.kind == Kind::Floor { spins: true }
    }

    /// Starts all workers, puts every thread where `placement` wants it, and lets all fall asleep.
    pub(crate) fn begin(&mut self, placement: Placement) -> Result<()> {
        self.rival.set_active(true);
        let gate = self.hold_all()?;
        placement.apply();
        gate.open();
        self.drain()
    }

    /// Puts the side to rest until its next block.
    pub(crate) fn end(&mut self) {
        self.rival.set_active(false);
    }

    /// How often the loop was woken, ever.
    pub(crate) fn wakes(&self) -> u64 {
        self.bell.rung.load(Ordering::Relaxed)
    }

    pub(crate) fn submit(&mut self, calls: u64) {
        self.submitted += calls;
        self.rival.submit(calls);
    }

    /// How often the harness itself put the loop to sleep, ever.
    pub(crate) fn idles(&self) -> u64 {
        self.idles.get()
    }

    /// How many calls were submitted, ever.
    pub(crate) fn submitted(&self) -> u64 {
        self.submitted
    }

    /// One call there and back.
    pub(crate) fn round_trip(&mut self) -> Result<()> {
        self.submit(1);
        self.drain()
    }

    /// Turns until every call is back.
    pub(crate) fn drain(&mut self) -> Result<()> {
        while self.in_flight() > 0 {
            self.turn()?;
        }
        Ok(())
    }

    pub(crate) fn in_flight(&self) -> u64 {
        self.submitted - self.tally.returned
    }

    /// Waits as the loop does, then handles what came back.
    pub(crate) fn turn(&mut self) -> Result<()> {
        if self.spins() {
            return self.spin();
        }
        self.poll.poll(&mut self.events, Some(PATIENCE))?;
        if self.events.is_empty() {
            bail!("{}: {} calls did not come back", self.name, self.in_flight());
        }
        self.rival.deliver(&mut self.tally);
        Ok(())
    }

    fn spin(&mut self) -> Result<()> {
        let returned = self.tally.returned;
        let began = Instant::now();
        while began.elapsed() < PATIENCE {
            for _ in 0..SPINS {
                self.rival.deliver(&mut self.tally);
                if self.tally.returned > returned {
                    return Ok(());
                }
                hint::spin_loop();
            }
        }
        bail!("{}: {} calls did not come back", self.name, self.in_flight());
    }

    /// Deliveries that find nothing.
    pub(crate) fn deliver_often(&mut self, turns: u64) {
        self.rival.deliver_often(turns, &mut self.tally);
    }

    /// Does nothing for a while; a loop that spins goes on spinning.
    pub(crate) fn idle(&self, time: Duration) {
        if time.is_zero() {
            return;
        }
        self.idles.set(self.idles.get() + 1);
        if !self.spins() {
            thread::sleep(time);
            return;
        }
        let began = Instant::now();
        while began.elapsed() < time {
            hint::spin_loop();
        }
    }

    /// Has every worker inside a call, awake, until the gate opens.
    pub(crate) fn hold_all(&mut self) -> Result<Arc<Gate>> {
        let gate = Arc::new(Gate::default());
        for _ in 0..self.workers {
            self.submitted += 1;
            self.rival.hold(&gate);
        }
        let began = Instant::now();
        while gate.held() < self.workers {
            if began.elapsed() > PATIENCE {
                gate.open();
                let started = gate.held();
                bail!("{}: {started} of {} workers started", self.name, self.workers);
            }
            machine::nap();
        }
        Ok(gate)
    }
}
