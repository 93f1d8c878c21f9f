//! What ends first: the source, the context, the offloop; and what is refused.

use std::cell::Cell;
use std::io::ErrorKind;
use std::process::Command;
use std::rc::Rc;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use glib::MainContext;
use offloop::Offloop;

use crate::harness::{Line, keep, run_until, wait};

#[test]
fn a_dropped_source_delivers_no_more_and_a_new_one_takes_over() {
    let mut line = Line::new();
    line.source = None;
    assert_eq!(Rc::strong_count(&line.app), 1, "what it captured is dropped with it");
    line.complete(1);
    line.run_ready();
    assert_eq!(line.seen(), []);
    line.attach(offloop_glib::PRIORITY);
    line.run_until("the call is handled", || line.seen() == [1]);
}

#[test]
fn a_dropped_source_drops_what_it_captured_here() {
    struct Here(thread::ThreadId, Rc<Cell<bool>>);
    impl Drop for Here {
        fn drop(&mut self) {
            self.1.set(thread::current().id() == self.0);
        }
    }
    let (context, dropped) = (MainContext::new(), Rc::new(Cell::new(false)));
    let off = Offloop::<()>::builder().fd_waker().build().expect("an offloop");
    let captured = Here(thread::current().id(), dropped.clone());
    let source = offloop_glib::attach(&off, &context, move || {
        let _captured = &captured;
    });
    let source = source.expect("attached");
    // The last of the context, but for the source, may go elsewhere.
    thread::spawn(move || drop(context)).join().expect("it ends");
    assert!(!dropped.get());
    drop(source);
    assert!(dropped.get());
}

#[test]
fn a_context_ends_while_calls_are_in_flight() {
    let (gate, wait_for_it) = mpsc::channel::<()>();
    let Line { context, off, app, source } = Line::new();
    off.call(move || wait_for_it.recv().map_or(1, |()| 2)).then(keep);
    drop((source, context));
    gate.send(()).expect("the function waits");
    wait("the call completes", || off.stats().finished == 1);
    let report = off.shutdown(Duration::from_secs(20));
    assert!(report.abandoned.is_empty(), "{report:?}");
    assert_eq!((off.stats().waker_panics, app.borrow().seen.len()), (0, 0));
    // No outcome is lost: whoever has the state may still have it.
    off.deliver(&mut app.clone());
    assert_eq!(app.borrow().seen, [2]);
}

#[test]
fn a_context_that_nobody_runs_keeps_no_outcome_from_the_end() {
    let line = Line::new();
    let token = Rc::new(());
    let held = token.clone();
    line.off.call(|| 1).then(move |_, _| drop(held));
    let report = line.off.shutdown(Duration::from_secs(20));
    assert!(report.abandoned.is_empty(), "{report:?}");
    assert_eq!((line.seen().len(), Rc::strong_count(&token)), (0, 2));
    drop(line);
    assert_eq!(Rc::strong_count(&token), 1, "its handler is dropped unrun");
}

#[test]
fn an_offloop_that_goes_first_leaves_the_context_at_rest() {
    let context = MainContext::new();
    let off = Offloop::<()>::builder().fd_waker().build().expect("an offloop");
    let turns = Rc::new(Cell::new(0));
    let counted = turns.clone();
    let source = offloop_glib::attach(&off, &context, move || counted.set(counted.get() + 1));
    let (source, handle) = (source.expect("attached"), off.handle());
    off.call(|| ()).then(|(), _| {});
    wait("the loop is asked for a turn", || off.stats().wakes == 1);
    // No thread is left that may be about to wake.
    off.shutdown(Duration::from_secs(20));
    drop(off);
    handle.call(|| ()).then(|(), _| {});
    assert!(!context.pending());
    while context.iteration(false) {}
    assert_eq!(turns.get(), 0);
    drop(source);
}

#[test]
fn an_offloop_without_a_descriptor_is_refused_in_a_sentence() {
    let off = Offloop::<()>::builder().no_waker().build().expect("an offloop");
    let refused = offloop_glib::attach(&off, &MainContext::new(), || ());
    let error = refused.expect_err("there is nothing to watch");
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    assert!(error.to_string().contains("build it with fd_waker()"), "{error}");
}

#[test]
fn a_context_of_another_thread_is_refused_in_a_sentence() {
    let context = MainContext::new();
    let (taken, is_taken) = mpsc::channel();
    let (leave, left) = mpsc::channel::<()>();
    let owner = thread::spawn({
        let context = context.clone();
        move || {
            let _acquired = context.acquire().expect("it is free");
            taken.send(()).expect("the test waits");
            left.recv().expect("the test says when");
        }
    });
    is_taken.recv().expect("it is acquired");
    let off = Offloop::<()>::builder().fd_waker().build().expect("an offloop");
    let error = offloop_glib::attach(&off, &context, || ()).expect_err("it is another's");
    assert_eq!(error.kind(), ErrorKind::ResourceBusy);
    assert!(error.to_string().contains("another thread runs this main context"), "{error}");
    leave.send(()).expect("the owner waits");
    owner.join().expect("the owner ends");
    let _source = offloop_glib::attach(&off, &context, || ()).expect("it is free now");
}

/// A handler that panics can't be unwound through C: the program ends, and says why.
#[test]
fn a_panicking_handler_is_told_and_aborts() {
    const CHILD: &str = "OFFLOOP_GLIB_PANICS";
    if std::env::var_os(CHILD).is_some() {
        let line = Line::new();
        line.off.call(|| 1).then(|_, _| panic!("the handler's own words"));
        line.run_until("it is handled", || false);
    }
    let name = "ends::a_panicking_handler_is_told_and_aborts";
    let this = std::env::current_exe().expect("this program");
    let mut child = Command::new(this);
    let child = child.args([name, "--exact", "--nocapture", "--test-threads=1"]).env(CHILD, "1");
    let output = child.output().expect("it runs");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("the handler's own words"), "{said}");
    assert!(said.contains("cannot unwind"), "{said}");
    use std::os::unix::process::ExitStatusExt;
    assert_eq!(output.status.signal(), Some(6), "{said}");
}

#[test]
fn a_state_is_lent_in_the_default_context_and_what_is_kept_delivers_on() {
    let context = MainContext::new();
    let lent = context.with_thread_default(|| {
        let off = Offloop::<Rc<Cell<u32>>>::builder().fd_waker().build().expect("an offloop");
        let state = Rc::new(Cell::new(0));
        let source = offloop_glib::attach_state(&off, state.clone()).expect("attached");
        assert_eq!(source.context(), &context);
        drop(source);
        assert_eq!(Rc::strong_count(&state), 1, "the state is dropped with its source");
        offloop_glib::attach_state(&off, state.clone()).expect("attached").keep();
        off.call(|| 7).then(|state, outcome| state.set(outcome.expect("a value")));
        drop(off);
        run_until(&context, "the call is handled", &mut || state.get() != 0);
        state.get()
    });
    assert_eq!(lent.expect("no other thread runs it"), 7);
}
