//! A handler that runs a main loop of its own, as a modal dialog does.

use std::cell::Cell;
use std::rc::Rc;

use glib::thread_guard::ThreadGuard;
use glib::{ControlFlow, MainContext, MainLoop, Priority};
use offloop::Delivered;

use crate::harness::{Line, Shared, keep, settle};

/// Runs a dialog until its button is clicked, which `clicked` answers.
fn dialog(context: &MainContext, clicked: impl FnOnce() + 'static) {
    let dialog = MainLoop::new(Some(context), false);
    let mut click = Some(ThreadGuard::new({
        let dialog = dialog.clone();
        move || {
            clicked();
            dialog.quit();
        }
    }));
    let click = move || {
        click.take().expect("a click").into_inner()();
        ControlFlow::Break
    };
    // Below the offloop's: it comes when nothing else is ready.
    glib::idle_source_new(None, Priority::LOW, click).attach(Some(context));
    dialog.run();
}

#[test]
fn calls_wait_for_the_dialog_and_go_on_after_it() {
    let line = Line::new();
    let nested = Rc::new(Cell::new(None));
    let ask = {
        let (off, context, nested) = (line.off.clone(), line.context.clone(), nested.clone());
        move |app: &mut Shared, outcome| {
            keep(app, outcome);
            off.call(|| 3).then(keep);
            settle(&off);
            let mut state = app.clone();
            dialog(&context.clone(), move || {
                // The button wants the state, and finds it free.
                state.borrow_mut().seen.push(10);
                // A turn is asked for, and GLib doesn't go round for it.
                assert!(!context.pending(), "the source is ready inside its own dispatch");
                nested.set(Some(off.deliver(&mut state)));
            });
            app.borrow_mut().seen.push(11);
        }
    };
    line.off.call(|| 1).then(ask);
    line.complete(2);

    line.run_until("all calls are handled", || line.seen().len() == 5);
    let nested: Delivered = nested.get().expect("the button was clicked");
    assert_eq!((nested.count, nested.more), (0, true));
    assert_eq!(line.seen(), [1, 10, 11, 2, 3]);
}

#[test]
fn a_dialog_may_close_the_window_that_asked() {
    let mut line = Line::new();
    let source = Rc::new(Cell::new(line.source.take()));
    let context = line.context.clone();
    line.off.call(|| 1).then({
        let source = source.clone();
        move |app: &mut Shared, outcome| {
            keep(app, outcome);
            dialog(&context, move || drop(source.take()));
            app.borrow_mut().seen.push(11);
        }
    });
    line.complete(2);
    line.run_until("the dialog is closed", || line.seen().contains(&11));
    line.run_ready();
    // The turn that had begun went on to its end, and no other begins.
    assert_eq!(line.seen(), [1, 11, 2]);
    line.complete(3);
    line.run_ready();
    assert_eq!(line.seen(), [1, 11, 2]);
    assert!(source.take().is_none());
}
