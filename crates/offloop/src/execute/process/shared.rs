//! Buffers that go to another process as they are.
//!
//! While a value is encoded or decoded for a call, this thread has a *carriage*, which takes the
//! regions that go along and gives out those that came. Invariant: a region that is in a carriage is
//! in no [`SharedBuf`] of this process, so that at any time one process has it.

use std::cell::RefCell;
use std::fmt;
use std::io;
use std::ops::{Deref, DerefMut};
use std::os::fd::OwnedFd;
use std::sync::Arc;

use serde::de::Error as _;
use serde::ser::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::sys::process::{Lent, Region};

/// How many buffers one argument, or one result, may have.
pub(super) const BUFFERS_MAX: usize = 8;

/// Memory that a call takes to a worker process and back as it is: not encoded, not copied.
///
/// Fill it in place, and make it the argument of a call, or a part of one; the function has the same
/// bytes, may change them, and may return the buffer, or another one, as its result. The other
/// executors move it like any value.
///
/// Fresh memory costs several times what a copy does, so keep a buffer that comes back and send it
/// again: then both processes have it mapped, and its size costs little. `offloop calibrate` measures both.
///
/// Its bytes are zero at first. It begins at a page, so a checked cast of a crate like `bytemuck`
/// shows it as a slice of numbers.
///
/// ```
/// use offloop::SharedBuf;
///
/// fn brighten(mut image: SharedBuf) -> SharedBuf {
///     image.iter_mut().for_each(|pixel| *pixel = pixel.saturating_add(10));
///     image
/// }
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let off = offloop::Offloop::<Option<SharedBuf>>::builder().no_waker().build()?;
/// let mut image = SharedBuf::new(1 << 20)?;
/// image[0] = 250;
/// off.call_fn(brighten, image).then(|seen, outcome| *seen = outcome.ok());
/// # let mut seen = None;
/// # while seen.is_none() { off.deliver(&mut seen); std::thread::yield_now(); }
/// # assert_eq!(seen.unwrap()[..2], [255, 10]);
/// # Ok(())
/// # }
/// ```
///
/// **Trust.** The worker that a buffer came from still has it mapped. A worker of yours leaves it
/// alone; one that was taken over by its input can change it while you read it. Where that matters,
/// copy it before you look at it, or have the function return a `Vec`.
pub struct SharedBuf(Lent);

impl SharedBuf {
    /// A buffer of `len` bytes, all zero.
    ///
    /// # Errors
    /// The system gives no memory, or no descriptor.
    pub fn new(len: usize) -> io::Result<Self> {
        let lent = Lent::new(Region::create(len)?, len);
        Ok(Self(lent.ok_or(io::ErrorKind::OutOfMemory)?))
    }
}

impl Deref for SharedBuf {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}

impl DerefMut for SharedBuf {
    fn deref_mut(&mut self) -> &mut [u8] {
        &mut self.0
    }
}

impl fmt::Debug for SharedBuf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SharedBuf").field("len", &self.len()).finish_non_exhaustive()
    }
}

thread_local! {
    static CARRIAGE: RefCell<Option<Carriage>> = const { RefCell::new(None) };
}

/// The regions of one value on its way.
#[derive(Default)]
pub(super) struct Carriage {
    /// In the order of their places in the value.
    pub(super) going: Vec<Arc<Region>>,
    /// What came with the value, by its place.
    pub(super) came: Vec<Option<OwnedFd>>,
    /// Regions that this process knows already; each is given out once.
    pub(super) known: Vec<Arc<Region>>,
    /// Why a buffer could not go or come, where the format has no words for it.
    pub(super) trouble: Option<&'static str>,
}

impl Carriage {
    /// For what comes with these descriptors.
    pub(super) fn with(fds: Vec<OwnedFd>, known: Vec<Arc<Region>>) -> Self {
        Self { going: Vec::new(), came: fds.into_iter().map(Some).collect(), known, trouble: None }
    }

    /// Does `f` with this carriage on the thread; gives it back as `f` left it.
    pub(super) fn during<R>(self, f: impl FnOnce() -> R) -> (R, Self) {
        CARRIAGE.set(Some(self));
        let result = f();
        (result, CARRIAGE.take().unwrap_or_default())
    }

    /// Does `f` with no carriage on the thread, for what a call sends on its way.
    pub(super) fn without<R>(f: impl FnOnce() -> R) -> R {
        let before = CARRIAGE.take();
        let result = f();
        CARRIAGE.set(before);
        result
    }

    /// Whether a region that goes is still in a buffer of this process.
    pub(super) fn is_held(&self) -> bool {
        self.going.iter().any(|region| Arc::strong_count(region) > 1)
    }
}

/// A buffer inside an encoded value: its place, region, the region's size, and its own.
type Told = (u32, u64, u64, u64);

impl Serialize for SharedBuf {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let told = CARRIAGE.with_borrow_mut(|carriage| {
            let Some(carriage) = carriage else {
                return Err("a SharedBuf goes to another process by a call, and in no other way");
            };
            carriage.told(self.0.region(), self.len())
        });
        told.map_err(S::Error::custom)?.serialize(to)
    }
}

impl Carriage {
    /// Takes a region along.
    fn told(&mut self, region: &Arc<Region>, len: usize) -> Result<Told, &'static str> {
        let refused = if self.going.iter().any(|going| going.id() == region.id()) {
            Some("the same SharedBuf is in the value twice")
        } else if self.going.len() == BUFFERS_MAX {
            Some("more than 8 SharedBufs are in one value")
        } else {
            None
        };
        if let Some(text) = refused {
            self.trouble = refused;
            return Err(text);
        }
        let place = self.going.len() as u32;
        self.going.push(region.clone());
        Ok((place, region.id(), region.len() as u64, len as u64))
    }
}

impl<'de> Deserialize<'de> for SharedBuf {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let (place, id, size, len) = Told::deserialize(from)?;
        let lent = CARRIAGE.with_borrow_mut(|carriage| {
            let carriage = carriage.as_mut().ok_or("a SharedBuf comes by a call alone")?;
            let lent = carriage.lend((place, id, size, len));
            carriage.trouble = lent.as_ref().err().copied();
            lent
        });
        Ok(Self(lent.map_err(D::Error::custom)?))
    }
}

impl Carriage {
    /// Gives out what came along.
    fn lend(&mut self, (place, id, size, len): Told) -> Result<Lent, &'static str> {
        let came = self.came.get_mut(place as usize).and_then(Option::take);
        let known = self.known.iter().position(|region| region.id() == id);
        let region = match (known, came) {
            (Some(at), _) => self.known.swap_remove(at),
            (None, Some(fd)) => {
                let size = usize::try_from(size).map_err(|_| "a SharedBuf is too large")?;
                Region::open(id, fd, size).map_err(|_| "a SharedBuf can't be mapped")?
            }
            (None, None) => return Err("a SharedBuf did not come along"),
        };
        let len = usize::try_from(len).ok();
        len.and_then(|len| Lent::new(region, len)).ok_or("a SharedBuf is smaller than it says")
    }
}
