//! One round: an offloop of its own, from build to the last trace. Invariant: whatever its end is,
//! the round is over only when nothing of it is left.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use offloop::{Builder, Cores, Handle, Offloop, ShutdownReport, Threads, Turn};

use crate::app::App;
use crate::ledger::{Event, Round, now_ns};
use crate::plan::{Origin, Rng};
use crate::tally::{self, Tally};
use crate::tasks::Tasks;
use crate::{probe, submit, watch};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    /// All calls come to their end, then `close`.
    Rest,
    Close,
    CloseAndDrop,
    Shutdown(Duration),
    /// By a handler.
    ShutdownInside,
    ShutdownAndDrop(Duration),
    Drop,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Waking {
    Waker,
    Fd,
    None,
}

#[derive(Debug, Clone, Copy)]
struct Config {
    threads: usize,
    cores: usize,
    queue: usize,
    abandoned: usize,
    keep_alive: Duration,
    linger: Duration,
    turn: Turn,
    waking: Waking,
    producers: usize,
    /// Calls that may be open at a time, about.
    window: usize,
    /// The end begins when this many calls have been submitted.
    cut: usize,
    end: End,
}

impl Config {
    fn roll(rng: &mut Rng, calls: usize) -> Self {
        let within = if rng.of_1000(400) { Duration::ZERO } else { rng.us(50, 3000) };
        let end = match rng.range(0, 11) {
            0 => End::Rest,
            1..=2 => End::Close,
            3 => End::CloseAndDrop,
            4..=6 => End::Shutdown(within),
            7 => End::ShutdownInside,
            8..=9 => End::ShutdownAndDrop(within),
            _ => End::Drop,
        };
        let cut = match end {
            End::Rest => calls,
            _ => rng.range(calls as u64 / 2, calls as u64 - 40) as usize,
        };
        let max_calls = if rng.of_1000(300) { rng.range(1, 20) as usize } else { 1024 };
        Self {
            threads: rng.range(1, 8) as usize,
            cores: rng.range(1, 2) as usize,
            queue: if rng.of_1000(200) { rng.range(1, 40) as usize } else { 65_536 },
            abandoned: if rng.of_1000(300) { rng.range(1, 4) as usize } else { 64 },
            keep_alive: if rng.of_1000(500) { rng.us(100, 5000) } else { Duration::from_secs(10) },
            linger: if rng.of_1000(300) { Duration::ZERO } else { Duration::from_micros(50) },
            turn: Turn { max_calls, max_time: rng.us(100, 4000) },
            waking: match rng.range(0, 9) {
                0 => Waking::None,
                1 => Waking::Fd,
                _ => Waking::Waker,
            },
            producers: rng.range(0, 3) as usize,
            window: rng.range(4, 300) as usize,
            cut,
            end,
        }
    }

    fn build(&self, round: &Arc<Round>, tracer: &Arc<()>) -> Offloop<App> {
        let builder: Builder<App> = Offloop::builder();
        let builder = match self.waking {
            Waking::None => builder.no_waker(),
            Waking::Fd => with_fd(builder),
            Waking::Waker => {
                let (tracer, round) = (tracer.clone(), round.clone());
                builder.waker(move || {
                    let _alive = &tracer;
                    round.unpark_loop();
                })
            }
        };
        let threads = Threads::new()
            .max(self.threads)
            .queue(self.queue)
            .abandoned(self.abandoned)
            .keep_alive(self.keep_alive)
            .linger(self.linger);
        let cores = Cores::new()
            .workers(self.cores)
            .queue(self.queue)
            .abandoned(self.abandoned)
            .linger(self.linger);
        let hook = round.clone();
        builder
            .threads(threads)
            .cores(cores)
            .turn(self.turn)
            .on_unobserved(move |what| probe::hook(&hook, what))
            .build()
            .expect("the system gives one thread")
    }
}

#[cfg(unix)]
fn with_fd(builder: Builder<App>) -> Builder<App> {
    builder.fd_waker()
}

#[cfg(not(unix))]
fn with_fd(builder: Builder<App>) -> Builder<App> {
    builder.no_waker()
}

struct Driver {
    app: App,
    round: Arc<Round>,
    config: Config,
    producers: Vec<JoinHandle<()>>,
    /// Producers that go on.
    busy: Arc<AtomicUsize>,
    report: Option<ShutdownReport>,
}

/// Runs one round and takes its books into the tally.
pub(crate) fn run(round: Round, rng: &mut Rng, calls: usize, tally: &mut Tally) {
    let config = Config::roll(rng, calls);
    let round = Arc::new(round);
    watch::begin(Some(&round));
    let tracer = Arc::new(());
    let mut app = App::new(&round, config.turn.max_calls, config.waking == Waking::Waker);
    app.off = Some(config.build(&round, &tracer));
    let busy = Arc::new(AtomicUsize::new(0));
    let mut driver =
        Driver { app, round: round.clone(), config, producers: Vec::new(), busy, report: None };
    driver.spawn_producers();
    driver.work();
    driver.end();
    driver.clear_up(&tracer);
    watch::begin(None);
    let faults = round.faults();
    assert!(faults.is_empty(), "round {}, {config:?}:\n{}", round.number, faults.join("\n"));
    tally.add(&round, driver.app.handler_panics);
}

impl Driver {
    fn off(&self) -> Offloop<App> {
        self.app.off.clone().expect("the handle lives until the last drop")
    }

    fn spawn_producers(&mut self) {
        for _ in 0..self.config.producers {
            let (handle, round) = (self.off().handle(), self.round.clone());
            let (busy, window) = (self.busy.clone(), self.config.window);
            busy.fetch_add(1, SeqCst);
            let produce = move || {
                produce(handle, &round, window);
                busy.fetch_sub(1, SeqCst);
                round.unpark_loop();
            };
            let thread = thread::Builder::new().name("stress-producer".into()).spawn(produce);
            self.producers.push(thread.expect("a thread"));
        }
    }

    /// Submits and delivers until it is time to end.
    fn work(&mut self) {
        while self.round.used() < self.config.cut {
            if self.round.load() < self.config.window {
                submit::from_loop(&mut self.app, Origin::Loop);
                if !self.round.used().is_multiple_of(8) {
                    continue;
                }
            }
            if !self.app.turn() && self.round.load() >= self.config.window {
                self.app.rest();
            }
        }
    }

    fn end(&mut self) {
        let off = self.off();
        match self.config.end {
            End::Rest => self.rest_until(|driver| driver.round.open() == 0),
            End::Close | End::CloseAndDrop => {}
            End::Shutdown(_) | End::ShutdownInside | End::ShutdownAndDrop(_) | End::Drop => {
                self.prepare_contest();
            }
        }
        self.round.ending.store(true, SeqCst);
        match self.config.end {
            End::Rest | End::Close => off.close(),
            End::CloseAndDrop => {
                off.close();
                self.app.turn();
            }
            End::Shutdown(within) | End::ShutdownAndDrop(within) => self.shut_down(within),
            End::ShutdownInside => {
                self.round.up_ns.store(now_ns(), SeqCst);
                self.app.inside = true;
                self.rest_until_shut();
            }
            End::Drop => self.round.up_ns.store(now_ns(), SeqCst),
        }
        drop(off);
        if !matches!(self.config.end, End::CloseAndDrop | End::ShutdownAndDrop(_) | End::Drop) {
            self.settle();
        }
        self.last_drop();
    }

    /// Has functions run that end when the shutdown's time is up.
    fn prepare_contest(&mut self) {
        for _ in 0..self.config.threads + self.config.cores {
            submit::last_from_loop(&mut self.app);
        }
        let until = Instant::now() + Duration::from_millis(1);
        while Instant::now() < until {
            self.app.turn();
            thread::yield_now();
        }
    }

    fn shut_down(&mut self, within: Duration) {
        let off = self.off();
        self.round.up_ns.store(now_ns() + within.as_nanos() as u64, SeqCst);
        let report = off.shutdown(within);
        self.round.shut.store(true, SeqCst);
        if off.shutdown(Duration::ZERO) != report {
            self.round.fault_of_all("a second shutdown had another report".into());
        }
        self.report = Some(report);
    }

    /// Until a handler has shut down; the last one may have been refused a call of its own.
    fn rest_until_shut(&mut self) {
        while self.app.inside && !self.round.is_full() {
            submit::last_from_loop(&mut self.app);
            self.app.turn();
        }
        if self.app.inside {
            self.shut_down(Duration::ZERO);
        }
    }

    /// Runs the loop as a program would: asleep when there is nothing to do.
    fn rest_until(&mut self, done: impl Fn(&Self) -> bool) {
        while !(done(self) && self.busy.load(SeqCst) == 0) {
            if !self.app.turn() {
                self.app.rest();
            }
        }
    }

    /// Delivers until there is nothing left, and compares offloop's books with ours.
    fn settle(&mut self) {
        self.rest_until(|driver| driver.round.open() == 0);
        let off = self.off();
        let quiet = watch::soon(|| {
            while self.app.turn() {}
            let shut = Round::is_set(&self.round.shut);
            let left = if shut { self.round.unheard() } else { self.round.pending() };
            self.round.orders_open.load(SeqCst) == 0
                && self.app.tasks.is_empty()
                && left.is_empty()
                && off.is_closed()
        });
        if !quiet {
            let closed = off.is_closed();
            self.round.fault_of_all(format!("not at rest; closed: {closed}; {off:?}"));
            return;
        }
        let mut differs = None;
        watch::soon(|| {
            differs = tally::differs(&self.round, &off.stats());
            differs.is_none()
        });
        if let Some(what) = differs {
            self.round.fault_of_all(what);
        }
    }

    fn last_drop(&mut self) {
        let weak = self.off().downgrade();
        self.round.gone.store(true, SeqCst);
        drop(self.app.off.take());
        self.round.over.store(true, SeqCst);
        if weak.upgrade().is_some() {
            self.round.fault_of_all("somebody kept the handle".into());
        }
        self.app.tasks.finish_all();
    }

    /// Waits until the round has left no trace, and looks at its books.
    fn clear_up(&mut self, tracer: &Arc<()>) {
        for producer in self.producers.drain(..) {
            if producer.join().is_err() {
                self.round.fault_of_all("a producer panicked".into());
            }
        }
        let round = &self.round;
        watch::soon(|| round.orders_open.load(SeqCst) == 0 && round.pending().is_empty());
        round.release();
        round.verify();
        let unrun = round.records().iter().filter(|record| record.had(Event::Unrun)).count();
        let hooked = round.hooked_unrun.load(SeqCst);
        if unrun != hooked {
            let what = format!("{unrun} handlers were dropped, the hook heard of {hooked}");
            round.fault_of_all(what);
        }
        if let Some(report) = &self.report {
            tally::check_report(round, report);
        }
        if self.app.tether.count() != 1 {
            round.fault_of_all(format!("{} handlers leaked", self.app.tether.count() - 1));
        }
        if !watch::soon(|| Arc::strong_count(tracer) == 1) {
            round.fault_of_all("the waker leaked, and so what all calls share".into());
        }
        if !watch::soon(|| watch::threads("offloop-").is_empty()) {
            round.fault_of_all(format!("threads are left: {:?}", watch::threads("offloop-")));
        }
    }
}

/// Submits from a thread of its own until the round is full, or a little beyond its end.
fn produce(handle: Handle<App>, round: &Arc<Round>, window: usize) {
    let mut tasks = Tasks::new(round);
    let mut after_end = 0;
    while !round.is_full() && after_end < 20 {
        let ending = Round::is_set(&round.ending);
        after_end += usize::from(ending);
        if ending || round.load() < window {
            submit::from_handle(&handle, round, Origin::Thread, Some(&mut tasks));
        } else {
            thread::yield_now();
        }
        tasks.look();
    }
    drop(handle);
    tasks.finish_all();
}
