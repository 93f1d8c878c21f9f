//! The event system: a small, complete mio program in one thread. It serves lines over
//! TCP, keeps a heartbeat, and lets an application take its turn.
//!
//! It names nothing of offloop. All that an application with offloop needs of it is the
//! [waker](EventSystem::waker) and the one call to [`Application::deliver`] in the loop.

mod conn;
pub(crate) mod heartbeat;
mod line;
mod timer;

#[cfg(test)]
mod tests;

use conn::{After, Connection};
use heartbeat::{Beats, Heartbeat};
use line::{LINE_BYTES_MAX, Request};
use mio::net::TcpListener;
use mio::{Events, Interest, Poll, Token, Waker};
use serde::Serialize;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};
use timer::Timer;

const LISTENER: Token = Token(0);
const WAKER: Token = Token(1);
const TIMER: Token = Token(2);
/// Connection `n` has the token `FIRST_CONNECTION + n`.
const FIRST_CONNECTION: usize = 3;
/// Clients at a time; more are told so and closed.
const CONNECTIONS_MAX: usize = 64;

/// What runs on the loop besides the service.
pub(crate) trait Application {
    /// Takes one turn on the loop thread, once per turn of the loop.
    fn deliver(&mut self) -> Next;

    /// What `STAT` says of the application; an object.
    fn status(&self) -> impl Serialize;
}

/// When the application wants its next turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// As soon as the loop has looked at its events.
    AtOnce,
    /// When something happens; the waker counts as something.
    OnEvent,
}

/// What was measured on the loop since [`EventSystem::start_figures`].
#[derive(Clone, Debug)]
pub(crate) struct LoopFigures {
    pub(crate) beats: Beats,
    /// The longest time between the start of a turn and its end: while it lasts, no event
    /// is looked at.
    pub(crate) longest_turn: Duration,
    pub(crate) elapsed: Duration,
}

/// The answer to `STAT`, one JSON object on one line.
#[derive(Serialize)]
struct Stat<A> {
    uptime_ms: u64,
    connections: usize,
    requests: u64,
    beats: u64,
    missed_beats: u64,
    #[serde(flatten)]
    application: A,
}

/// The loop and all that it owns.
pub(crate) struct EventSystem {
    poll: Poll,
    events: Events,
    waker: Arc<Waker>,
    timer: Timer,
    heartbeat: Heartbeat,
    listener: TcpListener,
    connections: Vec<Option<Connection>>,
    /// Connections that have more to read, though no event will say so.
    again: Vec<usize>,
    /// An accept failed (no descriptor left, say) and is tried in the next turn: the
    /// listener reports new clients only.
    accept_again: bool,
    started: Instant,
    requests: u64,
    figures_since: Instant,
    longest_turn: Duration,
}

impl EventSystem {
    /// Listens on a free port of this machine.
    pub(crate) fn new() -> io::Result<EventSystem> {
        let poll = Poll::new()?;
        let mut listener = TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))?;
        let registry = poll.registry();
        registry.register(&mut listener, LISTENER, Interest::READABLE)?;
        let waker = Arc::new(Waker::new(registry, WAKER)?);
        let timer = Timer::new(registry, TIMER, heartbeat::PERIOD)?;
        let now = Instant::now();
        Ok(EventSystem {
            poll,
            events: Events::with_capacity(256),
            waker,
            timer,
            heartbeat: Heartbeat::new(now),
            listener,
            connections: Vec::new(),
            again: Vec::new(),
            accept_again: false,
            started: now,
            requests: 0,
            figures_since: now,
            longest_turn: Duration::ZERO,
        })
    }

    /// Where clients connect to.
    pub(crate) fn address(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Makes the loop take a turn; any thread may call it.
    pub(crate) fn waker(&self) -> Arc<Waker> {
        Arc::clone(&self.waker)
    }

    /// Whether the client at `peer` is connected.
    pub(crate) fn serves(&self, peer: SocketAddr) -> bool {
        let mut connected = self.connections.iter().flatten();
        connected.any(|connection| connection.peer == peer)
    }

    /// Starts to measure anew: from now on every beat and every turn counts.
    pub(crate) fn start_figures(&mut self) -> io::Result<()> {
        let now = Instant::now();
        self.timer.restart()?;
        self.heartbeat = Heartbeat::new(now);
        self.figures_since = now;
        self.longest_turn = Duration::ZERO;
        Ok(())
    }

    /// What was measured, every beat that is due by now included.
    pub(crate) fn figures(&mut self) -> LoopFigures {
        let now = Instant::now();
        self.heartbeat.catch_up(now);
        LoopFigures {
            beats: self.heartbeat.beats().clone(),
            longest_turn: self.longest_turn,
            elapsed: now - self.figures_since,
        }
    }

    /// Runs the loop until `done` says so, at most for `within`. Says whether it was done.
    pub(crate) fn run<A: Application>(
        &mut self,
        app: &mut A,
        within: Option<Duration>,
        mut done: impl FnMut(&EventSystem, &mut A) -> bool,
    ) -> io::Result<bool> {
        let begin = Instant::now();
        let mut next = Next::AtOnce;
        loop {
            if done(self, app) {
                return Ok(true);
            }
            if within.is_some_and(|within| begin.elapsed() > within) {
                return Ok(false);
            }
            self.wait(next)?;
            let turn = Instant::now();
            self.serve(app);
            self.heartbeat.catch_up(Instant::now());
            next = app.deliver();
            self.longest_turn = self.longest_turn.max(turn.elapsed());
        }
    }

    fn wait(&mut self, next: Next) -> io::Result<()> {
        let timeout = match next {
            Next::OnEvent if self.again.is_empty() => {
                let until_beat = self.heartbeat.until_next(Instant::now());
                self.timer.timeout(until_beat)
            }
            _ => Some(Duration::ZERO),
        };
        match self.poll.poll(&mut self.events, timeout) {
            Err(error) if error.kind() != io::ErrorKind::Interrupted => Err(error),
            _ => Ok(()),
        }
    }

    fn serve<A: Application>(&mut self, app: &A) {
        let mut ready = std::mem::take(&mut self.again);
        for event in &self.events {
            match event.token() {
                LISTENER | WAKER => {}
                TIMER => self.timer.clear(),
                Token(token) if !ready.contains(&(token - FIRST_CONNECTION)) => {
                    ready.push(token - FIRST_CONNECTION);
                }
                _ => {}
            }
        }
        let mut events = self.events.iter();
        if self.accept_again || events.any(|event| event.token() == LISTENER) {
            self.accept(&mut ready);
        }
        for index in ready {
            self.serve_one(index, app);
        }
    }

    fn accept(&mut self, ready: &mut Vec<usize>) {
        self.accept_again = false;
        loop {
            let (mut stream, peer) = match self.listener.accept() {
                Ok(accepted) => accepted,
                Err(error) => {
                    self.accept_again = error.kind() != io::ErrorKind::WouldBlock;
                    return;
                }
            };
            let free = self.connections.iter().position(Option::is_none);
            let index = free.unwrap_or(self.connections.len());
            if index >= CONNECTIONS_MAX {
                // The client may be gone already; there is nobody else to tell.
                let _ = io::Write::write_all(&mut stream, b"ERR too many connections\n");
                continue;
            }
            let token = Token(FIRST_CONNECTION + index);
            let interest = Interest::READABLE | Interest::WRITABLE;
            let registry = self.poll.registry();
            if registry.register(&mut stream, token, interest).is_err() {
                continue;
            }
            // Small answers must not wait for each other; without it they are only slower.
            let _ = stream.set_nodelay(true);
            let connection = Some(Connection::new(stream, peer));
            match free {
                Some(index) => self.connections[index] = connection,
                None => self.connections.push(connection),
            }
            if !ready.contains(&index) {
                ready.push(index);
            }
        }
    }

    fn serve_one<A: Application>(&mut self, index: usize, app: &A) {
        let Some(mut connection) = self.connections.get_mut(index).and_then(Option::take) else {
            return;
        };
        let after = connection.turn(|request, out| self.answer(request, app, out));
        match after {
            Ok(After::Closed) | Err(_) => {
                let _ = self.poll.registry().deregister(&mut connection.stream);
                return;
            }
            Ok(After::Again) => self.again.push(index),
            Ok(After::Wait) => {}
        }
        self.connections[index] = Some(connection);
    }

    fn answer<A: Application>(&mut self, request: Request, app: &A, out: &mut Vec<u8>) {
        self.requests += 1;
        match request {
            Request::Ping => out.extend_from_slice(b"PONG\n"),
            Request::Stat => {
                let beats = self.heartbeat.beats();
                let stat = Stat {
                    uptime_ms: u64::try_from(self.started.elapsed().as_millis())
                        .unwrap_or(u64::MAX),
                    // The one that asks is out of the table while it is served.
                    connections: self.connections.iter().flatten().count() + 1,
                    requests: self.requests,
                    beats: beats.lateness.len(),
                    missed_beats: beats.missed,
                    application: app.status(),
                };
                match serde_json::to_string(&stat) {
                    Ok(json) => out.extend_from_slice(json.as_bytes()),
                    Err(error) => out.extend_from_slice(format!("ERR {error}").as_bytes()),
                }
                out.push(b'\n');
            }
            Request::Unknown(line) => {
                let text = format!("ERR unknown request \"{line}\": say PING or STAT\n");
                out.extend_from_slice(text.as_bytes());
            }
            Request::TooLong => {
                let text = format!("ERR line longer than {LINE_BYTES_MAX} bytes\n");
                out.extend_from_slice(text.as_bytes());
            }
        }
    }
}
