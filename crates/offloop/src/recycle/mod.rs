//! Boxes whose memory stays with the thread that lets go of it, for its next ones.
//!
//! A loop makes and drops a call's two boxes many times a second; the allocator's own cache holds a few
//! blocks of a size, and is slow beyond. A kept block goes back to the allocator when its thread ends.
//! Until then any thread keeps [`KEPT_MAX`] bytes at most. One that has turns keeps as much again as it
//! had to ask the allocator for, up to [`BURST_MAX`], and its turns give back, a few blocks each, what
//! a [`PERIOD`] went by without.
//!
//! Invariant: a kept block was allocated with the layout that its class stands for, and belongs to
//! nobody else; so it is what `Box::<T>::new` would have got for any `T` of that layout.

#[cfg(all(test, not(loom), not(offloop_no_recycling)))]
mod tests;

use std::alloc::{Layout, dealloc};
use std::cell::Cell;
use std::ptr::{self, NonNull};
use std::time::{Duration, Instant};

/// Bytes that one thread keeps: the boxes of some thousand calls.
pub(crate) const KEPT_MAX: usize = 256 * 1024;

/// Bytes that a thread with turns keeps: the boxes of some hundred thousand calls.
const BURST_MAX: usize = 32 * 1024 * 1024;

/// A loop that could have done with fewer blocks for so long gives the others back.
const PERIOD: Duration = Duration::from_secs(1);

/// Blocks that one turn gives back, so that a burst which is over holds no turn up.
const PER_TURN: usize = 64;

/// Blocks of these many words are kept, up to the last.
const CLASSES: usize = 32;

const WORD: usize = size_of::<usize>();

/// What a kept block holds: the next one of its class.
type Link = Option<NonNull<Block>>;

struct Block {
    next: Link,
}

struct Spare {
    /// By size in words, less one.
    shelves: [Shelf; CLASSES],
    kept_bytes: Cell<usize>,
    max_bytes: Cell<usize>,
    /// What `max_bytes` may grow to.
    limit_bytes: Cell<usize>,
    /// When the present period began.
    since: Cell<Option<Instant>>,
    /// Of what is kept, this much is to be given back.
    surplus_bytes: Cell<usize>,
}

/// What is kept of one class, counted in blocks.
struct Shelf {
    first: Cell<Link>,
    kept: Cell<u32>,
    /// The least that was kept in the present period.
    least: Cell<u32>,
    /// What the last period went by without; the other blocks are in use now and then.
    idle: Cell<u32>,
}

impl Shelf {
    const fn new() -> Self {
        let [kept, least, idle] = [const { Cell::new(0) }; 3];
        Self { first: Cell::new(None), kept, least, idle }
    }

    fn begin_period(&self) {
        self.idle.set(self.least.get());
        self.least.set(self.kept.get());
    }
}

thread_local! {
    static SPARE: Spare = const { Spare::new() };
}

/// Which class the boxes of a type belong to; `None` for those that are left to the allocator.
const fn class<T>() -> Option<usize> {
    let layout = Layout::new::<T>();
    let words = layout.size() / WORD;
    if layout.align() == WORD && words > 0 && words <= CLASSES && !cfg!(offloop_no_recycling) {
        Some(words - 1)
    } else {
        None
    }
}

fn layout_of(class: usize) -> Layout {
    Layout::array::<usize>(class + 1).expect("a few words")
}

impl Spare {
    const fn new() -> Self {
        Self {
            shelves: [const { Shelf::new() }; CLASSES],
            kept_bytes: Cell::new(0),
            max_bytes: Cell::new(KEPT_MAX),
            limit_bytes: Cell::new(KEPT_MAX),
            since: Cell::new(None),
            surplus_bytes: Cell::new(0),
        }
    }

    fn take(&self, class: usize) -> Link {
        let shelf = &self.shelves[class];
        let block = shelf.first.get()?;
        // SAFETY: a kept block is alive, and its first word was written when it was kept.
        shelf.first.set(unsafe { block.as_ref() }.next);
        self.kept_bytes.set(self.kept_bytes.get() - (class + 1) * WORD);
        shelf.kept.set(shelf.kept.get() - 1);
        shelf.least.set(shelf.least.get().min(shelf.kept.get()));
        Some(block)
    }

    /// A block of this class is needed, and none was there.
    #[cold]
    fn missed(&self, class: usize) {
        let bytes = self.max_bytes.get() + (class + 1) * WORD;
        self.max_bytes.set(bytes.min(self.limit_bytes.get()));
    }

    /// Says whether there is room for it.
    ///
    /// # Safety
    /// The block was allocated with the layout of its class, and is given up.
    unsafe fn keep(&self, class: usize, block: NonNull<Block>) -> bool {
        let bytes = self.kept_bytes.get() + (class + 1) * WORD;
        if bytes > self.max_bytes.get() {
            return false;
        }
        let shelf = &self.shelves[class];
        // SAFETY: the caller gives up the block, which has room for a word and is aligned for it.
        unsafe { block.write(Block { next: shelf.first.get() }) };
        shelf.first.set(Some(block));
        shelf.kept.set(shelf.kept.get() + 1);
        self.kept_bytes.set(bytes);
        true
    }
}

impl Spare {
    /// Gives kept blocks back that `may_go`: `blocks` of them at most, and until `bytes` are gone. Says
    /// how many bytes are left of these.
    fn give_back(&self, bytes: usize, blocks: usize, may_go: fn(&Shelf) -> bool) -> usize {
        let mut left = bytes;
        let next = |class| may_go(&self.shelves[class]).then(|| self.take(class))?;
        let kept = (0..CLASSES)
            .rev()
            .flat_map(|class| std::iter::from_fn(move || Some((class, next(class)?))));
        for (class, block) in kept.take(blocks) {
            // SAFETY: it was allocated with this layout, and is nobody's any more.
            unsafe { dealloc(block.as_ptr().cast(), layout_of(class)) };
            left = left.saturating_sub((class + 1) * WORD);
            if left == 0 {
                break;
            }
        }
        left
    }

    fn turn(&self, began: Instant) {
        self.limit_bytes.set(BURST_MAX);
        let is_over = |since| began.saturating_duration_since(since) >= PERIOD;
        if self.since.get().is_none_or(is_over) {
            self.begin_period(began);
        }
        if self.surplus_bytes.get() != 0 {
            let is_idle = |shelf: &Shelf| {
                let idle = shelf.idle.get();
                shelf.idle.set(idle.saturating_sub(1));
                idle != 0
            };
            let before = self.kept_bytes.get();
            self.surplus_bytes.set(self.give_back(self.surplus_bytes.get(), PER_TURN, is_idle));
            let given = before - self.kept_bytes.get();
            self.max_bytes.set(self.max_bytes.get().saturating_sub(given).max(KEPT_MAX));
        }
    }

    #[cold]
    fn begin_period(&self, began: Instant) {
        self.shelves.iter().for_each(Shelf::begin_period);
        let bytes =
            |(class, shelf): (usize, &Shelf)| shelf.idle.get() as usize * (class + 1) * WORD;
        let idle_bytes: usize = self.shelves.iter().enumerate().map(bytes).sum();
        self.surplus_bytes.set(idle_bytes.saturating_sub(KEPT_MAX));
        self.since.set(Some(began));
    }

    fn no_more_turns(&self) {
        self.max_bytes.set(KEPT_MAX);
        self.limit_bytes.set(KEPT_MAX);
        let surplus = self.kept_bytes.get().saturating_sub(KEPT_MAX);
        if surplus != 0 {
            self.give_back(surplus, usize::MAX, |_| true);
        }
    }
}

impl Drop for Spare {
    fn drop(&mut self) {
        self.give_back(usize::MAX, usize::MAX, |_| true);
    }
}

/// This thread has a turn, which began then and found something.
pub(crate) fn turn(began: Instant) {
    // An error: the thread is at its end, and keeps nothing.
    let _ended = SPARE.try_with(|spare| spare.turn(began));
}

/// This thread has no more turns, or none of this offloop's.
pub(crate) fn no_more_turns() {
    // As above.
    let _ended = SPARE.try_with(Spare::no_more_turns);
}

/// What this thread keeps.
#[cfg(all(test, not(loom), not(offloop_no_recycling)))]
pub(crate) fn kept_bytes() -> usize {
    SPARE.with(|spare| spare.kept_bytes.get())
}

/// Same as `Box::new`, except that the memory may be some that this thread has kept.
#[inline(always)]
pub(crate) fn boxed<T>(value: T) -> Box<T> {
    let take = |class| {
        let take = |spare: &Spare| {
            spare.take(class).or_else(|| {
                spare.missed(class);
                None
            })
        };
        SPARE.try_with(take).ok()?
    };
    let kept = class::<T>().and_then(take);
    match kept {
        Some(block) => {
            let place = block.cast::<T>();
            // SAFETY: the block has the layout of `T` and is ours.
            unsafe { place.write(value) };
            // SAFETY: it was allocated by the global allocator with that layout, and holds a `T`.
            unsafe { Box::from_raw(place.as_ptr()) }
        }
        None => Box::new(value),
    }
}

/// Same as `*boxed`, except that the thread may keep the memory.
#[inline(always)]
pub(crate) fn unboxed<T>(boxed: Box<T>) -> T {
    // By a reference that may write: the memory is written to when it is kept.
    let place = NonNull::from(Box::leak(boxed));
    // SAFETY: it was leaked just now, and its value is never touched there again.
    let value = unsafe { place.read() };
    // SAFETY: as above; its memory is given up.
    unsafe { give_up(place) };
    value
}

/// Same as `drop(boxed)`, except that the thread may keep the memory.
#[inline(always)]
pub(crate) fn dispose<T>(boxed: Box<T>) {
    // Given up also when the value's destructor unwinds.
    let memory = Memory(NonNull::from(Box::leak(boxed)));
    // SAFETY: it was leaked just now, and nobody else knows it.
    unsafe { ptr::drop_in_place(memory.0.as_ptr()) };
}

/// The memory of a leaked box whose value is gone by the time that this is.
struct Memory<T>(NonNull<T>);

impl<T> Drop for Memory<T> {
    #[inline(always)]
    fn drop(&mut self) {
        // SAFETY: as it says; `dispose` makes it, and nobody else has it.
        unsafe { give_up(self.0) };
    }
}

/// # Safety
/// `place` is the memory of a box without a value, and is not used again.
#[inline(always)]
unsafe fn give_up<T>(place: NonNull<T>) {
    let kept = class::<T>().is_some_and(|class| {
        // SAFETY: a box of a `T` was allocated with the layout of its class; the caller gives it up.
        SPARE.try_with(|spare| unsafe { spare.keep(class, place.cast()) }).unwrap_or(false)
    });
    if !kept && size_of::<T>() != 0 {
        // SAFETY: the memory of a box was allocated with the layout of its type.
        unsafe { dealloc(place.as_ptr().cast(), Layout::new::<T>()) };
    }
}
