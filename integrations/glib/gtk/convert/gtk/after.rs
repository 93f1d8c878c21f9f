//! A name is looked up from a GTK 4 window, and shown.

use std::collections::BTreeSet;
use std::net::ToSocketAddrs;
use std::time::Duration;

use gtk::gio::ApplicationFlags;
use gtk::glib::{ControlFlow, ExitCode};
use gtk::prelude::*;
use gtk::{Application, ApplicationWindow, Label, Orientation, Spinner, glib};

/// The widgets; a clone is the same ones.
#[derive(Clone)]
struct App {
    window: ApplicationWindow,
    clock: Label,
    answer: Label,
}

impl App {
    fn new(application: &Application) -> Self {
        let (clock, answer) = (Label::new(Some("0")), Label::new(Some("looking up localhost")));
        let rows = gtk::Box::new(Orientation::Vertical, 12);
        rows.append(&clock);
        rows.append(&answer);
        rows.append(&Spinner::builder().spinning(true).build());
        let window = ApplicationWindow::builder().application(application).title("A name");
        let window = window.default_width(400).default_height(160).child(&rows).build();
        Self { window, clock, answer }
    }

    fn tick(&self) -> ControlFlow {
        let seconds: u32 = self.clock.label().parse().unwrap_or(0);
        self.clock.set_label(&(seconds + 1).to_string());
        ControlFlow::Continue
    }

    fn show(&self, answer: String) {
        println!("localhost: {answer}");
        self.answer.set_label(&answer);
        let window = self.window.clone();
        glib::timeout_add_local_once(Duration::from_millis(200), move || window.close());
    }
}

/// Asks the system, which may ask a server: this takes as long as it takes.
fn look_up(host: &str) -> String {
    match (host, 0).to_socket_addrs() {
        Ok(found) => {
            let found: BTreeSet<String> = found.map(|addr| addr.ip().to_string()).collect();
            found.into_iter().collect::<Vec<_>>().join(", ")
        }
        Err(error) => error.to_string(),
    }
}

fn main() -> ExitCode {
    let application = Application::builder().flags(ApplicationFlags::NON_UNIQUE).build();
    application.connect_activate(open);
    application.run()
}

fn open(application: &Application) {
    let app = App::new(application);
    let off = offloop::Offloop::builder().fd_waker().build().expect("there are threads");
    offloop_glib::attach_state(&off, app.clone()).expect("this thread runs GTK's loop").keep();
    app.window.present();
    let ticking = app.clone();
    glib::timeout_add_seconds_local(1, move || ticking.tick());
    glib::timeout_add_local_once(Duration::from_millis(50), move || {
        let call = off.call(|| look_up("localhost"));
        call.then(|app, found| app.show(found.unwrap_or_else(|why| why.to_string())));
    });
}
