//! One random program. Invariant: it uses what users use, and takes each choice from the seed.

use std::cell::{Cell, RefCell};
use std::panic::resume_unwind;
use std::rc::Rc;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use offloop::{
    Builder, Context, Cores, Failure, Handle, ManualClock, Offloop, Origin, Outcome, Scope,
    Threads, Ticket,
};
use offloop_testkit::Sim;
use offloop_testkit::sim::pause;

use crate::ledger::{Book, Fate};
use crate::plan::{Ending, EndsBy, Place, Plan, Reports};
use crate::task::Task;

/// What the handlers change.
pub(crate) struct App {
    off: Offloop<App>,
    shared: Rc<Shared>,
}

/// What the program and its handlers share.
pub(crate) struct Shared {
    book: Book,
    clock: ManualClock,
    /// Counts turns; handlers see the number of theirs.
    turns: Rc<Cell<u64>>,
    scope: RefCell<Option<(usize, Scope)>>,
    tickets: RefCell<Vec<(usize, Ticket)>>,
    tasks: RefCell<Vec<Task>>,
    /// Held by every function and every value: what is left of it at the end has leaked.
    token: Arc<()>,
    /// Plans for the calls that handlers make.
    plans: RefCell<Vec<Plan>>,
}

/// Dropped with its handler.
pub(crate) struct Probe {
    pub(crate) call: usize,
    book: Book,
}

impl Drop for Probe {
    fn drop(&mut self) {
        self.book.open().drop_handler(self.call);
    }
}

/// A value, whose clones count too.
#[derive(Debug, Clone)]
pub(crate) struct Value(usize, #[allow(dead_code)] Arc<()>);

pub(crate) fn one_life(sim: &mut Sim<App>) {
    let shared = Rc::new(Shared {
        book: Book::default(),
        clock: sim.clock().clone(),
        turns: sim.turns(),
        scope: RefCell::default(),
        tickets: RefCell::default(),
        tasks: RefCell::default(),
        token: Arc::default(),
        plans: RefCell::new((0..4).map(|_| Plan::draw(sim)).collect()),
    });
    let mut app = App { off: sim.offloop(), shared: shared.clone() };
    let steps = 4 + sim.below(16);
    let end_at = sim.below(3 * steps);
    for step in 0..steps {
        if step == end_at {
            shared.book.open().may_end = true;
            match sim.below(3) {
                0 => sim.may_close(),
                1 => sim.may_shut_down(),
                _ => sim.close(),
            }
        }
        act(sim, &mut app);
        sim.some(&mut app);
        poll_tasks(&shared);
        shared.book.audit();
    }
    if sim.below(8) == 0 {
        // No turn comes any more.
        shared.book.open().may_end = true;
        end(sim, app, &shared);
        shared.book.open().close(false);
        return shared.book.audit();
    }
    // A task's function may submit another call.
    while app.off.pending() > 0 || !poll_tasks(&shared) {
        sim.run(&mut app);
        sim.run_until(&mut app, |_| poll_tasks(&shared));
    }
    let stats = app.off.stats();
    let ended = stats.finished
        + stats.panicked
        + stats.timed_out
        + stats.cancelled
        + stats.rejected
        + stats.shut_down;
    assert_eq!(stats.submitted, ended, "stats(): submitted, and come to an end: {stats:?}");
    shared.book.open().close(true);
    shared.book.audit();
    end(sim, app, &shared);
}

/// Short queues, so that some calls are refused.
pub(crate) fn limits(builder: Builder<App>) -> Builder<App> {
    builder.threads(Threads::new().queue(4)).cores(Cores::new().queue(3).abandoned(2))
}

/// Polls the tasks that were woken; says whether all have ended.
fn poll_tasks(shared: &Shared) -> bool {
    let mut tasks = shared.tasks.take();
    tasks.retain_mut(|task| !task.poll_if_woken(shared));
    let mut left = shared.tasks.borrow_mut();
    left.extend(tasks);
    left.is_empty()
}

/// Ends the offloop; then no function and no value is left anywhere.
fn end(sim: &mut Sim<App>, app: App, shared: &Rc<Shared>) {
    drop(app);
    shared.tickets.borrow_mut().clear();
    let tasks = shared.tasks.take();
    drop(tasks);
    sim.drop_offloop();
    *shared.scope.borrow_mut() = None;
    // A thread of offloop's own drops some of them, and may be at it.
    let until = Instant::now() + Duration::from_secs(10);
    while Arc::strong_count(&shared.token) > 1 {
        let left = Arc::strong_count(&shared.token) - 1;
        assert!(Instant::now() < until, "{left} functions and values are left after the end");
        thread::yield_now();
    }
}

/// One thing that a program does.
fn act(sim: &Sim<App>, app: &mut App) {
    let shared = app.shared.clone();
    match sim.below(10) {
        0 => {
            let mut scopes = shared.book.open();
            let number = scopes.closed_scopes.len();
            scopes.closed_scopes.push(false);
            drop(scopes);
            close_scope(&shared);
            *shared.scope.borrow_mut() = Some((number, app.off.scope()));
        }
        1 => {
            sim.say("a scope is closed, if one is open");
            close_scope(&shared);
        }
        2 => {
            let mut tickets = shared.tickets.borrow_mut();
            if !tickets.is_empty() {
                let index = sim.below(tickets.len());
                let (call, ticket) = tickets.swap_remove(index);
                drop(tickets);
                sim.say(format!("call {call} is cancelled"));
                cancel(&shared, call, &ticket);
            }
        }
        _ => {
            let plan = Plan::draw(sim);
            let may_cancel = plan.may_cancel;
            let words = format!("{plan:?}");
            let (call, ticket) = submit(&app.off, &shared, plan, None);
            sim.say(format!("call {call} is submitted: {words}"));
            let Some(ticket) = ticket else { return };
            if may_cancel {
                sim.may_cancel(&ticket);
            }
            shared.tickets.borrow_mut().push((call, ticket));
        }
    }
}

fn cancel(shared: &Shared, call: usize, ticket: &Ticket) {
    // Whoever shares a run leaves it; the others and `latest` may have decided before.
    if !ticket.is_done() {
        shared.book.open().records[call].cancelled = true;
    }
    ticket.cancel();
    assert!(ticket.is_done(), "G8: call {call} was cancelled and is not decided");
}

fn close_scope(shared: &Shared) {
    let Some((number, scope)) = shared.scope.borrow_mut().take() else { return };
    shared.book.open().closed_scopes[number] = true;
    drop(scope);
    let book = shared.book.open();
    let waits = book
        .records
        .iter()
        .position(|r| r.scope == Some(number) && r.fate == Fate::Waits && !r.is_awaited());
    assert!(waits.is_none(), "G1: call {waits:?} waits on though its scope is closed");
}

/// Submits a call from the loop; `turn` is the one that it is submitted in.
fn submit(
    off: &Offloop<App>,
    shared: &Rc<Shared>,
    plan: Plan,
    turn: Option<u64>,
) -> (usize, Option<Ticket>) {
    let scope = shared.scope.borrow().as_ref().map(|(number, _)| *number).filter(|_| plan.scoped);
    let deadline = plan.deadline.map(|time| shared.clock.now() + time);
    let turn = turn.filter(|_| plan.ends_by != EndsBy::Await);
    let call = shared.book.open().submit(plan.clone(), turn, deadline, scope);
    let function = function(call, &plan, &shared.book, &shared.clock, off.handle(), &shared.token);
    let mut described = described(off.call_with(function), &plan, call);
    if let (Some(_), Some((_, scope))) = (scope, &*shared.scope.borrow()) {
        described = described.within(scope);
    }
    if let Some(key) = plan.in_order {
        described = described.in_order(key);
    }
    if let Some(key) = plan.serial {
        described = described.serial(key);
    }
    if let Some(key) = plan.latest {
        described = described.latest(key);
    }
    if let Some(key) = plan.share {
        described = described.share(key);
    }
    let heard = shared.book.clone();
    let hear = move |_: &mut App, value: u32| heard.open().hear(call, value);
    described = match plan.reports {
        Reports::Nothing => described,
        Reports::Newest => described.on_progress(hear),
        Reports::Each => described.on_each_progress(hear),
    };
    let probe = Probe { call, book: shared.book.clone() };
    let submits = plan.handler_submits;
    let ticket = match plan.ends_by {
        EndsBy::Then => Some(described.then(handler(probe, submits))),
        EndsBy::TryThen => {
            let tried = described.try_then(handler(probe, submits));
            tried.map_err(|refused| give_back(shared, call, &refused.reason)).ok()
        }
        EndsBy::Await => {
            begin(shared, Task::new(described.into_future(), probe));
            None
        }
    };
    (call, ticket)
}

fn handler(probe: Probe, submits: bool) -> impl FnOnce(&mut App, Outcome<Value>) {
    move |app, outcome| {
        handle(&app.shared, &probe, &outcome);
        let plan = app.shared.plans.borrow_mut().pop_if(|_| submits);
        if let Some(plan) = plan {
            let (shared, off) = (app.shared.clone(), app.off.clone());
            submit(&off, &shared, plan, Some(shared.turns.get()));
        }
    }
}

/// A task's first poll is its submit.
fn begin(shared: &Shared, mut task: Task) {
    if !task.poll_if_woken(shared) {
        shared.tasks.borrow_mut().push(task);
    }
}

/// G5: it came back whole, for a reason that there was; nobody else hears of it.
fn give_back(shared: &Shared, call: usize, failure: &Failure) {
    let mut book = shared.book.open();
    let (turn, now) = (shared.turns.get(), shared.clock.now());
    book.take_back(call);
    book.handle(call, &Err(failure.clone()), turn, now);
}

pub(crate) fn handle(shared: &Shared, probe: &Probe, outcome: &Outcome<Value>) {
    let outcome = outcome.as_ref().map(|value| value.0).map_err(Clone::clone);
    shared.book.open().handle(probe.call, &outcome, shared.turns.get(), shared.clock.now());
}

/// The policies that every handle has.
fn described<O: Origin, J>(
    mut call: offloop::Call<O, J>,
    plan: &Plan,
    number: usize,
) -> offloop::Call<O, J> {
    call = call.priority(plan.priority).name(format!("call {number}"));
    if let Some(time) = plan.deadline {
        call = call.deadline(time);
    }
    match plan.place {
        Place::Threads => call.threads(),
        Place::Cores => call.cores(),
        Place::Inline => call.inline(),
    }
}

fn function(
    call: usize,
    plan: &Plan,
    book: &Book,
    clock: &ManualClock,
    handle: Handle<App>,
    token: &Arc<()>,
) -> impl FnOnce(&Context) -> Value + Send + use<> {
    let (plan, book, token) = (plan.clone(), book.clone(), token.clone());
    let clock = clock.clone();
    move |cx| {
        book.open().begin(call);
        for _ in 0..plan.pauses {
            pause();
        }
        if plan.reports != Reports::Nothing {
            for value in 0..plan.values {
                cx.progress(value);
            }
        }
        if plan.ending == Ending::Submits {
            submit_inside(&handle, &book, &clock, &token);
        }
        pause();
        book.open().end(call, clock.now());
        if plan.ending == Ending::Panics {
            resume_unwind(Box::new("on purpose"));
        }
        Value(call, token)
    }
}

/// A running function submits.
fn submit_inside(handle: &Handle<App>, book: &Book, clock: &ManualClock, token: &Arc<()>) {
    let plan = Plan { in_order: Some(0), ..Plan::plain(Place::Cores) };
    let call = book.open().submit(plan.clone(), None, None, None);
    let function = function(call, &plan, book, clock, handle.clone(), token);
    let probe = Probe { call, book: book.clone() };
    described(handle.call_with(function), &plan, call).in_order(0usize).then(
        move |app, outcome: Outcome<Value>| {
            self::handle(&app.shared, &probe, &outcome);
        },
    );
}
