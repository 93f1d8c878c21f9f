//! More than one: offloops on a context, contexts on threads, priorities in a context.

use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use glib::{ControlFlow, MainContext, Priority};

use crate::harness::{Line, keep, one_by_one, settle, wait};

#[test]
fn two_offloops_share_a_context() {
    let one = Line::new();
    let other = Line::on(one.context.clone(), offloop_glib::PRIORITY, one_by_one);
    for value in 0..50 {
        one.off.call(move || value).then(keep);
        other.off.call(move || value).cores().then(keep);
    }
    one.run_until("both are done", || one.seen().len() == 50 && other.seen().len() == 50);

    // The end of one is not the other's.
    drop(one);
    other.off.call(|| 50).then(keep);
    other.run_until("the last call is handled", || other.seen().last() == Some(&50));
}

#[test]
fn each_thread_has_an_offloop_on_its_own_context() {
    let loops = (0..4).map(|_| {
        thread::spawn(|| {
            let (line, here) = (Line::new(), thread::current().id());
            let elsewhere = Rc::new(Cell::new(0));
            for value in 0..100 {
                let elsewhere = elsewhere.clone();
                line.off.call(move || value).then(move |app, outcome| {
                    elsewhere.set(elsewhere.get() + u32::from(thread::current().id() != here));
                    keep(app, outcome);
                });
            }
            line.run_until("its calls are handled", || line.seen().len() == 100);
            (line.seen().iter().sum::<u32>(), elsewhere.get())
        })
    });
    let loops: Vec<_> = loops.collect();
    for one in loops {
        assert_eq!(one.join().expect("a loop"), (4950, 0));
    }
}

/// How many results were there when the third picture was painted.
fn painted_after(line: &Line) -> usize {
    for value in 0..10 {
        line.off.call(move || value).then(keep);
    }
    settle(&line.off);
    wait("the loop is asked for a turn", || line.context.pending());
    let pictures = Arc::new(AtomicUsize::new(0));
    // As high as GTK's lowest, and ready at all times.
    let painter = glib::idle_source_new(None, Priority::HIGH_IDLE, {
        let pictures = pictures.clone();
        move || {
            pictures.fetch_add(1, Ordering::Relaxed);
            ControlFlow::Continue
        }
    });
    painter.attach(Some(&line.context));
    line.run_until("it is painted", || pictures.load(Ordering::Relaxed) == 3);
    painter.destroy();
    let handled = line.seen().len();
    line.run_until("all is handled", || line.seen().len() == 10);
    handled
}

#[test]
fn painting_goes_before_results_unless_they_are_urgent() {
    let context = MainContext::new;
    assert_eq!(painted_after(&Line::on(context(), offloop_glib::PRIORITY, one_by_one)), 0);
    assert_eq!(painted_after(&Line::on(context(), Priority::DEFAULT, one_by_one)), 10);
    // With the same priority they take turns.
    assert_eq!(painted_after(&Line::on(context(), Priority::HIGH_IDLE, one_by_one)), 3);
}
