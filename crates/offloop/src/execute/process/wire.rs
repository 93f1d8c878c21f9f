//! The messages between this process and a worker.
//!
//! | message | direction | index | number | extra | body |
//! | --- | --- | --- | --- | --- | --- |
//! | `Hello` | → | – | – | – | [`Terms`], with the memory's descriptor |
//! | `Ready` | ← | – | – | digest | why not, when the digests differ |
//! | `Call` | → | function | call | deadline in ns, 0 for none | argument |
//! | `Value` | ← | – | call | – | result |
//! | `Panic` | ← | – | call | – | its text |
//! | `Codec` | ← | – | call | – | what could not be done |
//! | `TooLarge` | ← | – | call | – | – |
//! | `Progress` | ← | type | call | – | value, always inline |
//!
//! A header is 40 bytes, little-endian: kind (1 byte), place (1), zero (2), index (4), number (8),
//! body length (8), extra (8), span (8). The body follows in the same message (`Inline`), or lies in
//! the arena (`Arena`) at the place that belongs to the direction.
//!
//! Invariant: [`Message::parse`] accepts no message whose body is not where and as long as its
//! header says.

/// Both sides speak the same one.
pub(super) const VERSION: u64 = 1;

/// A body up to this goes inside the message. Larger ones cost less through the arena; and one of
/// each kind fits the smallest socket buffer that Linux gives.
pub(super) const INLINE_MAX: usize = 32 * 1024;

pub(super) const HEADER_LEN: usize = 40;

pub(super) const MESSAGE_MAX: usize = HEADER_LEN + INLINE_MAX;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Kind {
    Hello = 1,
    Ready,
    Call,
    Value,
    Panic,
    Codec,
    TooLarge,
    Progress,
}

impl Kind {
    const ALL: [Self; 8] = [
        Self::Hello,
        Self::Ready,
        Self::Call,
        Self::Value,
        Self::Panic,
        Self::Codec,
        Self::TooLarge,
        Self::Progress,
    ];
}

/// Where a message's body is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Place {
    Inline = 0,
    Arena = 1,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) kind: Kind,
    pub(super) place: Place,
    pub(super) index: u32,
    pub(super) number: u64,
    pub(super) len: u64,
    pub(super) extra: u64,
    /// The submitter's span, 0 for none.
    pub(super) span: u64,
}

impl Header {
    /// Of a message without a body.
    pub(super) fn bare(kind: Kind, number: u64) -> Self {
        Self { kind, place: Place::Inline, index: 0, number, len: 0, extra: 0, span: 0 }
    }

    pub(super) fn to_bytes(self) -> [u8; HEADER_LEN] {
        let mut bytes = [0; HEADER_LEN];
        bytes[0] = self.kind as u8;
        bytes[1] = self.place as u8;
        bytes[4..8].copy_from_slice(&self.index.to_le_bytes());
        let words = [self.number, self.len, self.extra, self.span];
        for (word, to) in words.iter().zip(bytes[8..].chunks_exact_mut(8)) {
            to.copy_from_slice(&word.to_le_bytes());
        }
        bytes
    }
}

/// A header and what came with it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Message<'a> {
    pub(super) header: Header,
    /// The body, if it is inline.
    pub(super) inline: &'a [u8],
}

impl<'a> Message<'a> {
    /// `None` for what is no message.
    pub(super) fn parse(bytes: &'a [u8]) -> Option<Self> {
        let (head, inline) = bytes.split_at_checked(HEADER_LEN)?;
        let kind = *Kind::ALL.iter().find(|kind| **kind as u8 == head[0])?;
        let place = match head[1] {
            0 => Place::Inline,
            1 => Place::Arena,
            _ => return None,
        };
        let word = |at: usize| Some(u64::from_le_bytes(head.get(at..at + 8)?.try_into().ok()?));
        let index = u32::from_le_bytes(head.get(4..8)?.try_into().ok()?);
        let (number, len, extra, span) = (word(8)?, word(16)?, word(24)?, word(32)?);
        let here = if place == Place::Inline { len } else { 0 };
        let whole = usize::try_from(here).is_ok_and(|here| here == inline.len());
        let header = Header { kind, place, index, number, len, extra, span };
        (whole && head[2..4] == [0, 0]).then_some(Self { header, inline })
    }
}

/// What a worker is told at its start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Terms {
    pub(super) version: u64,
    pub(super) digest: u64,
    pub(super) max_payload: u64,
    /// 0 for none.
    pub(super) memory_limit: u64,
    /// Seconds per call; 0 for none.
    pub(super) cpu_limit: u64,
}

impl Terms {
    pub(super) const LEN: usize = 40;

    pub(super) fn to_bytes(self) -> [u8; Self::LEN] {
        let mut bytes = [0; Self::LEN];
        let words =
            [self.version, self.digest, self.max_payload, self.memory_limit, self.cpu_limit];
        for (word, to) in words.iter().zip(bytes.chunks_exact_mut(8)) {
            to.copy_from_slice(&word.to_le_bytes());
        }
        bytes
    }

    pub(super) fn parse(bytes: &[u8]) -> Option<Self> {
        let bytes: &[u8; Self::LEN] = bytes.try_into().ok()?;
        let word = |at: usize| Some(u64::from_le_bytes(bytes.get(at..at + 8)?.try_into().ok()?));
        Some(Self {
            version: word(0)?,
            digest: word(8)?,
            max_payload: word(16)?,
            memory_limit: word(24)?,
            cpu_limit: word(32)?,
        })
    }
}

/// Where things are in a worker's arena.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Layout {
    /// Bytes that one direction has.
    pub(super) room: usize,
}

/// The number of the last call whose function was entered; written by the worker.
pub(super) const BEGUN: usize = 0;

/// The number of the call that is not wanted any more; written by the parent.
pub(super) const UNWANTED: usize = 8; // a cache line away from what the worker writes

/// The worker's panic hook has run and the process is about to end for it; written by the worker.
pub(super) const PANICKED: usize = 1;

impl Layout {
    const PAGE: usize = 4096;

    pub(super) fn new(max_payload: usize) -> Option<Self> {
        let room = max_payload.checked_next_multiple_of(Self::PAGE)?;
        let this = Self { room };
        room.checked_mul(2)?.checked_add(Self::PAGE)?;
        Some(this)
    }

    pub(super) fn len(self) -> usize {
        Self::PAGE + 2 * self.room
    }

    pub(super) fn argument(self) -> usize {
        Self::PAGE
    }

    pub(super) fn result(self) -> usize {
        Self::PAGE + self.room
    }
}
