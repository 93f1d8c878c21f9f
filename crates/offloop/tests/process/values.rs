//! Values that make trouble on their way to another process. Invariant: each makes the trouble that it
//! is named for, and no other.

use std::sync::Arc;

use offloop::SharedBuf;

use crate::common::explode;

/// What can't be told to another process.
#[derive(Clone, Copy)]
pub(crate) struct Stubborn(pub(crate) How);

/// When it fails.
#[derive(Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(crate) enum How {
    Encoding,
    EncodingByPanic,
    Decoding,
    DecodingByPanic,
    /// In its destructor, when it has been told.
    Dropping,
}

impl serde::Serialize for Stubborn {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            How::Encoding => Err(serde::ser::Error::custom("it will not")),
            How::EncodingByPanic => explode("it would rather panic"),
            how => how.serialize(to),
        }
    }
}

impl<'de> serde::Deserialize<'de> for Stubborn {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        match How::deserialize(from)? {
            How::Decoding => Err(serde::de::Error::custom("it will not")),
            How::DecodingByPanic => explode("it would rather panic"),
            how => Ok(Self(how)),
        }
    }
}

/// Says when it is encoded.
#[derive(Clone, Copy)]
pub(crate) struct Bookkept(pub(crate) fn());

impl serde::Serialize for Bookkept {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        (self.0)();
        ().serialize(to)
    }
}

impl<'de> serde::Deserialize<'de> for Bookkept {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        <()>::deserialize(from).map(|()| Self(|| {}))
    }
}

/// A value whose end panics, in the process that made it.
#[derive(serde::Serialize, serde::Deserialize)]
pub(crate) struct Bomb(pub(crate) u32);

impl Drop for Bomb {
    fn drop(&mut self) {
        if self.0 != std::process::id() {
            explode("the end of a bomb elsewhere");
        }
    }
}

/// One buffer in two hands.
pub(crate) struct Two(pub(crate) Arc<SharedBuf>, pub(crate) Option<Arc<SharedBuf>>);

impl serde::Serialize for Two {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        (&*self.0, self.1.as_deref()).serialize(to)
    }
}

impl<'de> serde::Deserialize<'de> for Two {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let (one, two) = <(SharedBuf, Option<SharedBuf>)>::deserialize(from)?;
        Ok(Self(Arc::new(one), two.map(Arc::new)))
    }
}

/// Progress that its receiver takes when the gate is open.
#[derive(Clone, Copy, serde::Serialize)]
pub(crate) struct Gate;

pub(crate) static GATE: std::sync::atomic::AtomicBool = std::sync::atomic::AtomicBool::new(false);

impl<'de> serde::Deserialize<'de> for Gate {
    fn deserialize<D: serde::Deserializer<'de>>(_: D) -> Result<Self, D::Error> {
        crate::common::wait_for("the gate is open", || {
            GATE.load(std::sync::atomic::Ordering::Acquire)
        });
        Ok(Self)
    }
}
