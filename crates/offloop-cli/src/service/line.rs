//! The line protocol: bytes in, requests out, whatever the pieces they arrive in.
//!
//! A line longer than the limit is reported once and dropped up to its end; the memory
//! of a connection stays bounded.

/// The longest line that is looked at.
pub(crate) const LINE_BYTES_MAX: usize = 256;

/// What a client asked.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Request {
    /// `PING`
    Ping,
    /// `STAT`
    Stat,
    /// Anything else, shortened and on one line.
    Unknown(String),
    /// More than [`LINE_BYTES_MAX`] bytes without an end.
    TooLong,
}

impl Request {
    fn parse(line: &[u8]) -> Request {
        let line = line.trim_ascii();
        if line.eq_ignore_ascii_case(b"PING") {
            Request::Ping
        } else if line.eq_ignore_ascii_case(b"STAT") {
            Request::Stat
        } else {
            let line = &line[..line.len().min(40)];
            Request::Unknown(line.escape_ascii().to_string())
        }
    }
}

/// Cuts a stream of bytes into requests.
#[derive(Default)]
pub(crate) struct Lines {
    begun: Vec<u8>,
    /// Inside a line that is too long.
    dropping: bool,
}

impl Lines {
    /// Takes the next bytes and gives each request that they complete to `each`.
    pub(crate) fn push(&mut self, bytes: &[u8], mut each: impl FnMut(Request)) {
        for piece in bytes.split_inclusive(|&byte| byte == b'\n') {
            let ends = piece.ends_with(b"\n");
            if !self.dropping {
                self.begun.extend_from_slice(piece);
                if self.begun.len() - usize::from(ends) > LINE_BYTES_MAX {
                    each(Request::TooLong);
                    self.dropping = true;
                } else if ends {
                    each(Request::parse(&self.begun));
                }
            }
            if ends || self.dropping {
                self.begun.clear();
            }
            if ends {
                self.dropping = false;
            }
        }
    }
}
