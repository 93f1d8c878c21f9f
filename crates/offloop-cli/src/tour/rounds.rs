//! The runs: each model once per round, in an order that rotates, on one event system.
//!
//! A model that always ran first would pay for what the others find warm; with the
//! rotation each comes first, second and third equally often (in as many rounds as there
//! are models).

use super::app::{App, Counts, Plan, WINDOW, needs_offloop};
use super::chaos::{self, Losses};
use super::ledger::{Ledger, RunId};
use super::model::{Model, Needs};
use super::progress::Progress;
use super::units::count;
use crate::client::Measured;
use crate::client::process::ClientProcess;
use crate::interrupt::Interrupt;
use crate::say;
use crate::service::{EventSystem, LoopFigures};
use anyhow::{Context, Result, bail};
#[cfg(target_os = "linux")]
use offloop::Processes;
use offloop::{Cores, Offloop, Threads, Turn};
use offloop_tokio::TokioExecutor;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// How long the loop waits for the measuring client to come, and to go.
const CLIENT_WITHIN: Duration = Duration::from_secs(10);

/// Where a nice value belongs to one thread, the workers give way to the loop: on few
/// cores the scheduler would otherwise let it wait for their time slices.
pub(crate) const WORKER_NICE: Option<i32> = if cfg!(target_os = "linux") { Some(10) } else { None };

/// Half a heartbeat at most: the loop has other things to do.
const TURN: Turn = Turn { max_calls: WINDOW, max_time: Duration::from_micros(500) };

/// Two threads for each core: one may wait for the disk while the other computes.
pub(crate) fn threads_max() -> usize {
    (2 * cores()).max(4)
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// One worker process for each core, where there are any: a file that was read once is in memory.
pub(crate) fn processes_max() -> usize {
    if cfg!(target_os = "linux") { cores() } else { 0 }
}

/// What to run.
pub(crate) struct Rounds {
    pub(crate) models: Vec<&'static Model>,
    pub(crate) rounds: u32,
    /// Whether one more run of each model follows, with calls that go wrong.
    pub(crate) chaos: bool,
    pub(crate) files: Arc<Vec<PathBuf>>,
    pub(crate) interrupt: Interrupt,
}

/// What one run measured.
pub(crate) struct RunResult {
    pub(crate) id: RunId,
    /// Every file was tried.
    pub(crate) complete: bool,
    pub(crate) figures: LoopFigures,
    pub(crate) counts: Counts,
    pub(crate) losses: Losses,
    pub(crate) client: Option<Measured>,
}

/// The models of each round.
pub(crate) fn order<T: Copy>(models: &[T], rounds: u32) -> Vec<Vec<T>> {
    let mut order = models.to_vec();
    (0..rounds)
        .map(|_| {
            let round = order.clone();
            order.rotate_left(1);
            round
        })
        .collect()
}

impl Rounds {
    /// Runs all, or until the interruption.
    pub(crate) fn run(
        &self,
        system: &mut EventSystem,
        progress: &Progress,
        mut ledger: Ledger,
    ) -> Result<(Vec<RunResult>, Ledger)> {
        let mut results = Vec::new();
        let runs = self.runs();
        let repeated = if self.chaos { chaos::list(&self.files) } else { Arc::default() };
        for (number, &run) in (1..).zip(&runs) {
            if self.interrupt.is_set() {
                break;
            }
            progress.label(format!("run {number} of {}: {}", runs.len(), run.model.name));
            let files = if run.is_chaos() { &repeated } else { &self.files };
            let plan = Plan {
                run,
                rounds: self.rounds,
                files: Arc::clone(files),
                listed: self.files.len(),
                interrupt: self.interrupt.clone(),
                progress: progress.done(),
            };
            let (result, after) = run_once(system, plan, ledger)?;
            results.push(result);
            ledger = after;
        }
        Ok((results, ledger))
    }

    /// All runs, in their order.
    pub(crate) fn runs(&self) -> Vec<RunId> {
        let rounds = (1..).zip(order(&self.models, self.rounds));
        let of = |(round, models): (u32, Vec<&'static Model>)| {
            models.into_iter().map(move |model| RunId { model, round })
        };
        rounds
            .flat_map(of)
            .chain(self.chaos_runs().map(|model| RunId { model, round: 0 }))
            .collect()
    }

    fn chaos_runs(&self) -> impl Iterator<Item = &'static Model> {
        let models = self.models.iter().copied().filter(|model| chaos::can_run(model));
        models.filter(|_| self.chaos)
    }

    /// How many files all runs read.
    pub(crate) fn reads(&self) -> u64 {
        let chaos = self.chaos_runs().count() * chaos::calls(self.files.len());
        (self.files.len() * self.models.len()) as u64 * u64::from(self.rounds) + chaos as u64
    }
}

/// One model, once through the work list.
fn run_once(system: &mut EventSystem, plan: Plan, ledger: Ledger) -> Result<(RunResult, Ledger)> {
    let id = plan.run;
    let off = if needs_offloop(id.model) { Some(build(system, id)?) } else { None };
    let mut app = App::new(plan, off, ledger);
    let mut client = admit_client(system, &mut app)?;

    system.start_figures()?;
    app.start();
    system.run(&mut app, None, |_, app| app.is_finished())?;
    let figures = system.figures();
    let (complete, counts, losses) = (app.is_complete(), app.counts(), app.losses());

    if let Some(client) = &mut client {
        client.stop();
        let gone = |system: &EventSystem, _: &mut App| !system.serves(client.address);
        system.run(&mut app, Some(CLIENT_WITHIN), gone)?;
        if system.serves(client.address) {
            // It waits for this loop, which is about to wait for its result.
            client.kill();
        }
    }
    let client = client.and_then(|client| heard(client.result()));
    let (ledger, abandoned) = app.end();
    if abandoned > 0 {
        say(&format!(
            "{id}: left behind what did not come back from the system: {}",
            count(abandoned as u64, "call")
        ));
    }
    let result = RunResult { id, complete, figures, counts, losses, client };
    Ok((result, ledger))
}

/// All that offloop needs of the event system: its waker.
fn build(system: &EventSystem, id: RunId) -> Result<Offloop<App>> {
    let waker = system.waker();
    let (mut threads, mut cores) = (Threads::new().max(threads_max()), Cores::new());
    if let Some(nice) = WORKER_NICE {
        (threads, cores) = (threads.nice(nice), cores.nice(nice));
    }
    let builder = Offloop::<App>::builder();
    let builder = match id.model.needs {
        Needs::Nothing => builder,
        Needs::Runtime => builder.async_on(runtime()?),
        #[cfg(target_os = "linux")]
        Needs::Processes => builder.processes(processes(id)),
    };
    builder
        .waker(move || {
            // Fails only when the loop is gone, and then nobody waits for the wake.
            let _ = waker.wake();
        })
        .threads(threads)
        .cores(cores)
        .turn(TURN)
        .build()
        .context("offloop cannot be started")
}

/// A thread for each core polls; with those that read there are as many as in the model `threads`.
fn runtime() -> Result<TokioExecutor> {
    let polling = cores();
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    builder.worker_threads(polling).max_blocking_threads(threads_max() - polling);
    builder.thread_name("offloop-tokio");
    // A thread has the nice value of the thread that starts it.
    let build = move || {
        #[cfg(target_os = "linux")]
        if let Some(nice) = WORKER_NICE {
            // Threads that may not give way work all the same.
            let _ = rustix::process::nice(nice);
        }
        TokioExecutor::build(builder)
    };
    let failed = "a tokio runtime cannot be started";
    let building = std::thread::Builder::new().spawn(build).context(failed)?;
    // tokio panics where it gets no thread, and has said so.
    let Ok(built) = building.join() else { bail!(failed) };
    built.context(failed)
}

/// What a worker prints when it dies on purpose is no news.
#[cfg(target_os = "linux")]
fn processes(id: RunId) -> Processes {
    let processes = Processes::new(crate::functions::functions()).workers(processes_max());
    match id.is_chaos() {
        true => processes.memory_limit(chaos::WORKER_MEMORY).on_output(|_| {}),
        false => processes,
    }
}

/// Starts the measuring client and serves until it is connected. Without one the work is
/// still compared.
fn admit_client(system: &mut EventSystem, app: &mut App) -> Result<Option<ClientProcess>> {
    let address = system.address()?;
    let Some(client) = heard(ClientProcess::start(address)) else {
        return Ok(None);
    };
    let mut client = client;
    let came = |system: &EventSystem, _: &mut App| system.serves(client.address);
    system.run(app, Some(CLIENT_WITHIN), came)?;
    Ok(heard(client.go()).map(|()| client))
}

/// A client that fails is reported, and the tour goes on.
fn heard<T>(result: Result<T>) -> Option<T> {
    result.inspect_err(|error| say(&format!("no request latencies for this run: {error:#}"))).ok()
}
