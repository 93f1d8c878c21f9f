//! One client connection: non-blocking, with bounds on what it may hold and take.
//!
//! A client that floods gets a share of a turn, no more; one that does not read its
//! answers is not read from until it does.

use super::line::{Lines, Request};
use mio::net::TcpStream;
use std::io::{self, Read, Write};
use std::net::SocketAddr;

/// What one connection may read in one turn of the loop.
const READ_BYTES_PER_TURN: usize = 8 * 1024;
/// Unsent answers beyond this stop the reading.
const UNSENT_BYTES_MAX: usize = 16 * 1024;

/// What the loop has to do for the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum After {
    /// Wait for the next event.
    Wait,
    /// Come back in the next turn: there may be more to read.
    Again,
    /// It is over.
    Closed,
}

/// One accepted connection.
pub(crate) struct Connection {
    pub(crate) stream: TcpStream,
    pub(crate) peer: SocketAddr,
    lines: Lines,
    unsent: Vec<u8>,
    ended: bool,
}

impl Connection {
    pub(crate) fn new(stream: TcpStream, peer: SocketAddr) -> Connection {
        Connection { stream, peer, lines: Lines::default(), unsent: Vec::new(), ended: false }
    }

    /// Reads what is there, answers it, and sends what can be sent.
    pub(crate) fn turn(
        &mut self,
        mut answer: impl FnMut(Request, &mut Vec<u8>),
    ) -> io::Result<After> {
        self.send()?;
        let mut may_read = READ_BYTES_PER_TURN;
        let mut piece = [0u8; 1024];
        while !self.ended && self.unsent.len() < UNSENT_BYTES_MAX {
            if may_read == 0 {
                self.send()?;
                return Ok(After::Again);
            }
            match self.stream.read(&mut piece) {
                Ok(0) => self.ended = true,
                Ok(read) => {
                    may_read = may_read.saturating_sub(read);
                    let unsent = &mut self.unsent;
                    self.lines.push(&piece[..read], |request| answer(request, unsent));
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    self.send()?;
                    return Ok(After::Wait);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        self.send()?;
        Ok(match (self.ended, self.unsent.len()) {
            (true, 0) => After::Closed,
            (false, unsent) if unsent < UNSENT_BYTES_MAX => After::Again,
            // The socket becomes writable when the client has read some answers.
            _ => After::Wait,
        })
    }

    fn send(&mut self) -> io::Result<()> {
        let mut sent = 0;
        while sent < self.unsent.len() {
            match self.stream.write(&self.unsent[sent..]) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(wrote) => sent += wrote,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        self.unsent.drain(..sent);
        Ok(())
    }
}
