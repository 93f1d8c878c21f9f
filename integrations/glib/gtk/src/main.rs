//! One program on every loop; here in a GTK 4 window. It hashes the files of a folder off the loop,
//! while a counter ticks; a button cancels it, and Escape closes the window.
//!
//! `App` is the same in all of them: compare two by `diff`, and what is left is their loops. Here
//! that is `View`, `main` and all below it.

use std::cell::RefCell;
use std::io;
use std::rc::Rc;
use std::time::Duration;

use gtk::gio::ApplicationFlags;
use gtk::glib::{ControlFlow, ExitCode, MainContext, Propagation};
use gtk::prelude::*;
use gtk::{Align, Application, ApplicationWindow, Button, EventControllerKey, Label, Orientation};
use gtk::{gdk, glib};
use hash_folder::{Options, Progress, Summary, hash_folder};
use offloop::{Offloop, Outcome, Ticket};

const TICK: Duration = Duration::from_millis(50);

struct App {
    off: Offloop<App>,
    options: Options,
    ticks: u64,
    line: String,
    call: Option<Ticket>,
}

impl App {
    fn new(off: Offloop<App>) -> Self {
        Self { off, options: Options::from_args(), ticks: 0, line: String::new(), call: None }
    }

    /// Here the loop would stand still: `self.on_outcome(Ok(hash_folder(&options)))`.
    fn start(&mut self) {
        let options = self.options.clone();
        let call = self.off.call_with(move |cx| hash_folder(cx, &options));
        let call = call.name("hash").on_progress(App::on_progress);
        self.call = Some(call.then(App::on_outcome));
    }

    fn cancel(&mut self) {
        if let Some(call) = &self.call {
            call.cancel();
        }
    }

    fn tick(&mut self) {
        self.ticks += 1;
    }

    fn on_progress(&mut self, progress: Progress) {
        self.line = progress.to_string();
    }

    fn on_outcome(&mut self, outcome: Outcome<io::Result<Summary>>) {
        self.call = None;
        self.line = match outcome {
            Ok(Ok(summary)) => summary.to_string(),
            Ok(Err(error)) => error.to_string(),
            Err(failure) => failure.to_string(),
        };
        println!("{}", self.line);
    }
}

/// The labels that show an `App`.
struct View {
    ticks: Label,
    line: Label,
}

impl View {
    fn show(&self, app: &App) {
        self.ticks.set_label(&app.ticks.to_string());
        self.line.set_label(&app.line);
    }
}

fn main() -> ExitCode {
    // Two of them are two programs, each with a folder of its own.
    let application = Application::builder().flags(ApplicationFlags::NON_UNIQUE).build();
    application.connect_activate(open);
    // The arguments are this program's own: a folder would be a file to open for GTK.
    application.run_with_args::<&str>(&[])
}

fn open(application: &Application) {
    let off = Offloop::builder().fd_waker().build().expect("there are threads and descriptors");
    let app = Rc::new(RefCell::new(App::new(off.clone())));
    let view = Rc::new(View { ticks: Label::new(None), line: Label::new(None) });
    let window = window(application, &app, &view);
    let source = offloop_glib::attach(&off, &MainContext::default(), {
        let (off, app, view) = (off.clone(), app.clone(), view.clone());
        move || {
            off.deliver(&mut app.borrow_mut());
            view.show(&app.borrow());
        }
    });
    let source = RefCell::new(Some(source.expect("this thread runs the default context")));
    window.connect_destroy(move |_| drop(source.take()));
    tick(&window, app.clone(), view);
    app.borrow_mut().start();
    window.present();
}

fn window(application: &Application, app: &Rc<RefCell<App>>, view: &View) -> ApplicationWindow {
    let cancel = Button::with_label("Cancel");
    cancel.connect_clicked({
        let app = app.clone();
        move |_| app.borrow_mut().cancel()
    });
    cancel.set_halign(Align::Center);
    let rows = gtk::Box::new(Orientation::Vertical, 12);
    rows.set_valign(Align::Center);
    rows.append(&view.ticks);
    rows.append(&view.line);
    rows.append(&cancel);
    let window = ApplicationWindow::builder().application(application).title("hash_gtk");
    let window = window.default_width(400).default_height(160).child(&rows).build();
    let keys = EventControllerKey::new();
    keys.connect_key_pressed(|keys, key, _, _| {
        if key == gdk::Key::Escape
            && let Some(window) = keys.widget().and_downcast::<ApplicationWindow>()
        {
            window.close();
            return Propagation::Stop;
        }
        Propagation::Proceed
    });
    window.add_controller(keys);
    window
}

/// For as long as the window is there.
fn tick(window: &ApplicationWindow, app: Rc<RefCell<App>>, view: Rc<View>) {
    let window = window.downgrade();
    glib::timeout_add_local(TICK, move || {
        if window.upgrade().is_none() {
            return ControlFlow::Break;
        }
        app.borrow_mut().tick();
        view.show(&app.borrow());
        ControlFlow::Continue
    });
}
