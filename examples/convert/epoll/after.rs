//! A name is looked up from a bare `epoll` loop (Linux), and shown.
#![cfg_attr(not(target_os = "linux"), allow(unused))]

use std::collections::BTreeSet;
use std::error::Error;
use std::net::{ToSocketAddrs, UdpSocket};

#[cfg(target_os = "linux")]
use rustix::buffer::spare_capacity;
#[cfg(target_os = "linux")]
use rustix::event::epoll::{self, CreateFlags, EventData, EventFlags};

const SOCKET: u64 = 0;

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

#[cfg(target_os = "linux")]
fn main() -> Result<(), Box<dyn Error>> {
    let socket = UdpSocket::bind("127.0.0.1:0")?;
    socket.send_to(b"localhost", socket.local_addr()?)?; // stands for a client
    let epoll = epoll::create(CreateFlags::CLOEXEC)?;
    epoll::add(&epoll, &socket, EventData::new_u64(SOCKET), EventFlags::IN)?;
    let off = offloop::Offloop::<App>::builder().fd_waker().build()?;
    epoll::add(&epoll, off.as_fd().expect("fd_waker"), EventData::new_u64(1), EventFlags::IN)?;
    let (mut events, mut name) = (Vec::with_capacity(16), [0; 256]);
    let mut app = App::default();
    while !app.shown {
        epoll::wait(&epoll, spare_capacity(&mut events), None)?;
        for event in events.drain(..) {
            if event.data.u64() == SOCKET {
                let len = socket.recv(&mut name)?;
                let host = String::from_utf8(name[..len].to_vec())?;
                let call = off.call(move || look_up(&host));
                call.then(|app, found| app.show(found.unwrap_or_else(|why| why.to_string())));
            }
        }
        off.deliver(&mut app);
    }
    Ok(())
}

#[cfg(not(target_os = "linux"))]
fn main() {}
