//! A name is looked up from a loop in tokio's `select!`, and shown.

use std::collections::BTreeSet;
use std::error::Error;
use std::net::ToSocketAddrs;
use std::time::Duration;

use tokio::net::UdpSocket;
use tokio::{select, time};

#[derive(Default)]
struct App {
    shown: bool,
}

impl App {
    fn show(&mut self, answer: String) {
        println!("localhost: {answer}");
        self.shown = true;
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

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let socket = UdpSocket::bind("127.0.0.1:0").await?;
    socket.send_to(b"localhost", socket.local_addr()?).await?; // stands for a client
    let mut name = [0; 256];
    let mut ticks = time::interval(Duration::from_millis(10));
    let waker = offloop_tokio::TokioWaker::new();
    let off = offloop::Offloop::<App>::builder().waker(waker.clone()).build()?;
    let mut app = App::default();
    while !app.shown {
        select! {
            len = socket.recv(&mut name) => {
                let host = String::from_utf8(name[..len?].to_vec())?;
                let call = off.call(move || look_up(&host));
                call.then(|app, found| app.show(found.unwrap_or_else(|why| why.to_string())));
            }
            () = waker.woken() => { off.deliver(&mut app); }
            _ = ticks.tick() => eprint!("."),
        }
    }
    Ok(())
}
