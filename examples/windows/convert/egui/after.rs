//! A name is looked up from an egui loop, and shown.

use std::collections::BTreeSet;
use std::net::ToSocketAddrs;
use std::time::{Duration, Instant};

use eframe::egui::{CentralPanel, Context, Theme, Ui, ViewportCommand};

struct App {
    off: offloop::Offloop<App>,
    began: Instant,
    line: String,
    shown: bool,
}

impl App {
    fn show(&mut self, answer: String) {
        println!("localhost: {answer}");
        self.line = answer;
        self.shown = true;
    }
}

impl eframe::App for App {
    fn logic(&mut self, ctx: &Context, _: &mut eframe::Frame) {
        self.off.clone().deliver(self);
        if ctx.cumulative_pass_nr() == 0 {
            let call = self.off.call(|| look_up("localhost"));
            call.then(|app, found| app.show(found.unwrap_or_else(|why| why.to_string())));
        }
        if self.shown {
            ctx.send_viewport_cmd(ViewportCommand::Close);
        }
        ctx.request_repaint_after(Duration::from_secs(1));
    }

    fn ui(&mut self, ui: &mut Ui, _: &mut eframe::Frame) {
        CentralPanel::default().show(ui, |ui| {
            ui.label(format!("{} s: {}", self.began.elapsed().as_secs(), self.line));
        });
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

fn main() -> eframe::Result {
    eframe::run_native(
        "a name",
        eframe::NativeOptions::default(),
        Box::new(|creation| {
            let ctx = creation.egui_ctx.clone();
            ctx.set_theme(Theme::Dark);
            Ok(Box::new(App {
                off: offloop::Offloop::builder().waker(move || ctx.request_repaint()).build()?,
                began: Instant::now(),
                line: "localhost is looked up".to_owned(),
                shown: false,
            }))
        }),
    )
}
