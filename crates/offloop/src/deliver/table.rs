//! The table of waiting handlers, owned by the loop thread. Invariant: an entry leaves the table
//! before any of its code runs or is dropped, and a token finds its own entry or nothing.

use std::borrow::Cow;
use std::panic::Location;

/// Names one waiting call: a slot and its generation. All that crosses threads of a handler.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Token(u64);

impl Token {
    /// A call whose receiver is a task, not the loop.
    pub(crate) const NONE: Token = Token(u64::MAX);
    /// Set in the tokens of calls that were submitted through a `Handle`.
    const REMOTE: u64 = 1 << 63;

    pub(crate) fn remote(number: u64) -> Self {
        Self(Self::REMOTE | number)
    }

    pub(crate) fn is_remote(self) -> bool {
        self.0 & Self::REMOTE != 0
    }

    fn local(index: usize, generation: u32) -> Self {
        Self((u64::from(generation) << 32 | index as u64) & !Self::REMOTE)
    }

    fn index(self) -> usize {
        (self.0 & 0xffff_ffff) as usize
    }
}

/// What waits for an outcome on the loop thread.
pub(crate) trait Entry<S> {
    /// Takes the outcome and runs the handler.
    fn run(self: Box<Self>, state: &mut S, unobserved: &dyn Fn(Unobserved));
    /// Lets the handler go unrun, on this thread, and says what it would have been told.
    fn forgo(self: Box<Self>) -> Unobserved;
    /// What decides `Shutdown` if the outcome is open; run when nothing is borrowed.
    fn shutter(&self) -> Box<dyn FnOnce()>;
    /// What runs the function of an inline call that has not run.
    fn starter(&self) -> Option<Box<dyn FnOnce()>>;
    /// Where the call was submitted.
    fn place(&self) -> &'static Location<'static>;
    /// The call's name.
    fn name(&self) -> Option<Cow<'static, str>>;
    /// Whether its outcome is decided.
    fn is_decided(&self) -> bool;
}

/// What hears of a call's progress, on the loop thread.
pub(crate) trait Watch<S> {
    /// Runs the handler for the oldest value that waits. Says whether more wait.
    fn deliver_one(&mut self, state: &mut S) -> bool;
    fn has_mail(&self) -> bool;
}

/// A failure that no handler saw: of a detached call, or of a call whose handler was dropped
/// because no turn came any more.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Unobserved {
    /// The call's name, if it was given one.
    pub name: Option<Cow<'static, str>>,
    /// Where the call was submitted.
    pub place: &'static Location<'static>,
    /// What the call failed with; `None` when it has a value that nobody took.
    pub failure: Option<crate::Failure>,
    /// Whether a handler was dropped unrun; `false` for a detached call.
    pub handler_dropped: bool,
}

pub(crate) struct Waiting<S> {
    pub(crate) entry: Box<dyn Entry<S>>,
    /// Absent while it runs, too.
    pub(crate) watch: Option<Box<dyn Watch<S>>>,
    /// The turn in which it came in; that turn does not run it.
    pub(crate) born: u64,
    /// The entry's, so that a turn need not look into the call.
    pub(crate) place: &'static Location<'static>,
}

impl<S> Waiting<S> {
    pub(crate) fn new(
        entry: Box<dyn Entry<S>>,
        watch: Option<Box<dyn Watch<S>>>,
        born: u64,
    ) -> Self {
        let place = entry.place();
        Self { entry, watch, born, place }
    }
}

struct Slot<S> {
    /// 31 bits; grows each time the slot is emptied, so that a late token finds nothing.
    generation: u32,
    waiting: Option<Waiting<S>>,
}

pub(crate) struct Table<S> {
    slots: Vec<Slot<S>>,
    free: Vec<u32>,
    /// The generation that new slots start with.
    base: u32,
    /// The most entries at a time since the table was last empty.
    peak: usize,
}

/// Slots that an empty table keeps whatever its use.
const SLOTS_MIN: usize = 1024;

impl<S> Table<S> {
    pub(crate) fn new() -> Self {
        Self { slots: Vec::new(), free: Vec::new(), base: 0, peak: 0 }
    }

    /// The token that the next `insert` will use.
    pub(crate) fn reserve(&mut self) -> Token {
        let index = match self.free.last() {
            Some(&index) => index as usize,
            None => {
                let index = u32::try_from(self.slots.len()).expect("fewer than 2^32 waiting calls");
                self.slots.push(Slot { generation: self.base, waiting: None });
                self.free.push(index);
                index as usize
            }
        };
        Token::local(index, self.slots[index].generation)
    }

    #[inline]
    pub(crate) fn insert(&mut self, token: Token, waiting: Waiting<S>) {
        let index = self.free.pop().map(|index| index as usize);
        debug_assert_eq!(index, Some(token.index()), "insert follows its reserve");
        self.slots[token.index()].waiting = Some(waiting);
        self.peak = self.peak.max(self.len());
    }

    pub(crate) fn get_mut(&mut self, token: Token) -> Option<&mut Waiting<S>> {
        let slot = self.slots.get_mut(token.index())?;
        if Token::local(token.index(), slot.generation) != token {
            return None;
        }
        slot.waiting.as_mut()
    }

    pub(crate) fn take(&mut self, token: Token) -> Option<Waiting<S>> {
        let slot = self.slots.get_mut(token.index())?;
        if Token::local(token.index(), slot.generation) != token {
            return None;
        }
        let waiting = slot.waiting.take()?;
        slot.generation = slot.generation.wrapping_add(1) & 0x7fff_ffff;
        self.free.push(token.index() as u32);
        if self.free.len() == self.slots.len() {
            self.emptied();
        }
        Some(waiting)
    }

    /// A table that was hardly used since it was last empty gives its memory back; after a burst that
    /// is the second time, so that bursts which follow on one another do not each begin from nothing.
    fn emptied(&mut self) {
        if self.slots.len() > SLOTS_MIN && self.peak < self.slots.len() / 4 {
            self.shrink();
        }
        self.peak = 0;
    }

    /// Everything, oldest slot first, for the end.
    pub(crate) fn take_all(&mut self) -> Vec<Waiting<S>> {
        let all = self.slots.iter_mut().filter_map(|slot| slot.waiting.take()).collect();
        self.slots.clear();
        self.free.clear();
        all
    }

    pub(crate) fn entries(&self) -> impl Iterator<Item = &dyn Entry<S>> {
        self.slots.iter().filter_map(|slot| slot.waiting.as_ref()).map(|waiting| &*waiting.entry)
    }

    pub(crate) fn len(&self) -> usize {
        self.slots.len() - self.free.len()
    }

    #[cfg(all(test, not(loom)))]
    pub(super) fn slots(&self) -> usize {
        self.slots.len()
    }

    /// Gives the memory of a burst back. New slots go on from the highest generation seen, so
    /// that the burst's tokens stay dead.
    fn shrink(&mut self) {
        let newest = self.slots.iter().map(|slot| slot.generation).max();
        self.base = newest.unwrap_or(self.base);
        self.slots = Vec::new();
        self.free = Vec::new();
    }
}
