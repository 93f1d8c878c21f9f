//! A name is looked up from a mio loop, and shown.

use std::collections::BTreeSet;
use std::error::Error;
use std::net::ToSocketAddrs;

use mio::net::UdpSocket;
use mio::{Events, Interest, Poll, Token};

const SOCKET: Token = Token(0);

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
    let mut socket = UdpSocket::bind("127.0.0.1:0".parse()?)?;
    socket.send_to(b"localhost", socket.local_addr()?)?; // stands for a client
    let (mut poll, mut events, mut name) = (Poll::new()?, Events::with_capacity(16), [0; 256]);
    poll.registry().register(&mut socket, SOCKET, Interest::READABLE)?;
    let mut app = App::default();
    while !app.shown {
        poll.poll(&mut events, None)?;
        for event in &events {
            if event.token() != SOCKET {
                continue;
            }
            while let Ok(len) = socket.recv(&mut name) {
                let host = String::from_utf8(name[..len].to_vec())?;
                let answer = look_up(&host);
                app.show(answer);
            }
        }
    }
    Ok(())
}
