//! A name is looked up from a loop that smol runs, and shown.

use std::collections::BTreeSet;
use std::error::Error;
use std::io;
use std::net::ToSocketAddrs;

use smol::channel::{self, Sender};
use smol::{LocalExecutor, net::UdpSocket};

enum Event {
    LookUp(String),
    Wake,
}

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

fn main() -> Result<(), Box<dyn Error>> {
    let tasks = LocalExecutor::new();
    smol::block_on(tasks.run(handle(&tasks)))
}

/// Sends what others ask for.
async fn serve(tx: Sender<Event>) -> io::Result<()> {
    let (socket, mut name) = (UdpSocket::bind("127.0.0.1:0").await?, [0; 256]);
    socket.send_to(b"localhost", socket.local_addr()?).await?; // stands for a client
    loop {
        let len = socket.recv(&mut name).await?;
        let host = String::from_utf8_lossy(&name[..len]).into_owned();
        let _nobody_listens = tx.send(Event::LookUp(host)).await;
    }
}

async fn handle(tasks: &LocalExecutor<'_>) -> Result<(), Box<dyn Error>> {
    let (tx, rx) = channel::unbounded();
    tasks.spawn(serve(tx.clone())).detach();
    let off = offloop::Offloop::<App>::builder().waker(move || tx.try_send(Event::Wake)).build()?;
    let mut app = App::default();
    while !app.shown {
        match rx.recv().await? {
            Event::LookUp(host) => {
                let call = off.call(move || look_up(&host));
                call.then(|app, found| app.show(found.unwrap_or_else(|why| why.to_string())));
            }
            Event::Wake => _ = off.deliver(&mut app),
        }
    }
    Ok(())
}
