//! How values become bytes, and where the bytes go.
//!
//! Invariant: the rest of the crate names no format; to use another one, implement [`Codec`] for it
//! and change the alias [`Format`].

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::careful::{Careful, Left};
use super::wire::{INLINE_MAX, Place};
use crate::failure::CodecError;
use crate::sys::process::Arena;

/// A binary format.
pub(super) trait Codec {
    fn encode<T: Serialize + ?Sized>(value: &T, to: &mut Sink<'_>) -> Result<(), Unsent>;
    fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, CodecError>;
}

/// The one that both sides use.
pub(super) type Format = Postcard;

/// Why a value was not encoded.
#[derive(Debug)]
pub(super) enum Unsent {
    TooLarge,
    Codec(CodecError),
}

/// Takes a value's bytes: into a buffer while they are few, and from there into the arena when it is
/// full. Most formats write byte by byte, so that a byte has to cost little.
pub(super) struct Sink<'a> {
    /// What is not in the arena.
    inline: &'a mut Vec<u8>,
    arena: &'a Arena,
    offset: usize,
    room: usize,
    /// How much is in the arena.
    moved: usize,
}

impl<'a> Sink<'a> {
    /// `inline` is emptied; the arena has `room` bytes at `offset`.
    pub(super) fn new(
        inline: &'a mut Vec<u8>,
        arena: &'a Arena,
        offset: usize,
        room: usize,
    ) -> Self {
        inline.clear();
        Self { inline, arena, offset, room, moved: 0 }
    }

    /// Where the bytes are, and how many.
    pub(super) fn finish(self) -> (Place, usize) {
        match self.moved {
            0 => (Place::Inline, self.inline.len()),
            moved => (Place::Arena, moved),
        }
    }

    /// `None`: there is no room.
    fn push(&mut self, bytes: &[u8]) -> Option<()> {
        let waiting = self.inline.len().checked_add(bytes.len())?;
        if self.moved.checked_add(waiting)? > self.room {
            return None;
        }
        if waiting <= INLINE_MAX {
            self.inline.extend_from_slice(bytes);
            return Some(());
        }
        self.empty()?;
        if bytes.len() > INLINE_MAX {
            self.arena.copy_in(self.offset + self.moved, bytes)?;
            self.moved += bytes.len();
        } else {
            self.inline.extend_from_slice(bytes);
        }
        Some(())
    }

    /// As `push`.
    fn push_byte(&mut self, byte: u8) -> Option<()> {
        if self.inline.len() < INLINE_MAX && self.moved + self.inline.len() < self.room {
            self.inline.push(byte);
            return Some(());
        }
        self.push(&[byte])
    }

    /// Moves what waits into the arena.
    fn empty(&mut self) -> Option<()> {
        self.arena.copy_in(self.offset + self.moved, self.inline)?;
        self.moved += self.inline.len();
        self.inline.clear();
        Some(())
    }

    /// No more comes.
    fn end(&mut self) -> Option<()> {
        if self.moved > 0 { self.empty() } else { Some(()) }
    }
}

/// Compact, without schemas, kept up by the embedded world.
pub(super) struct Postcard;

impl Codec for Postcard {
    fn encode<T: Serialize + ?Sized>(value: &T, to: &mut Sink<'_>) -> Result<(), Unsent> {
        postcard::serialize_with_flavor(value, Into(to)).map_err(|error| match error {
            // Said by `Into` alone.
            postcard::Error::SerializeBufferFull => Unsent::TooLarge,
            error => Unsent::Codec(CodecError::new(format!("it can't be encoded: {error}"))),
        })
    }

    fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, CodecError> {
        let mut from = postcard::Deserializer::from_bytes(bytes);
        let left = Left::of(bytes);
        let decoded = T::deserialize(Careful::new(&mut from, &left));
        let decoded = decoded.and_then(|value| Ok((value, from.finalize()?)));
        let error = |error: &dyn std::fmt::Display| {
            CodecError::new(format!("it can't be decoded: {error}"))
        };
        match (decoded, left.trouble()) {
            (Ok((value, [])), _) => Ok(value),
            (Ok((_, rest)), _) => Err(error(&format_args!("{} bytes are left over", rest.len()))),
            (Err(_), Some(trouble)) => Err(error(&trouble)),
            (Err(reason), None) => Err(error(&reason)),
        }
    }
}

struct Into<'a, 'b>(&'a mut Sink<'b>);

impl postcard::ser_flavors::Flavor for Into<'_, '_> {
    type Output = ();

    fn try_push(&mut self, byte: u8) -> postcard::Result<()> {
        self.0.push_byte(byte).ok_or(postcard::Error::SerializeBufferFull)
    }

    fn try_extend(&mut self, bytes: &[u8]) -> postcard::Result<()> {
        self.0.push(bytes).ok_or(postcard::Error::SerializeBufferFull)
    }

    fn finalize(self) -> postcard::Result<()> {
        self.0.end().ok_or(postcard::Error::SerializeBufferFull)
    }
}
