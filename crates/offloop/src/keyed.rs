//! Lines by key: what the calls with equal keys share.
//!
//! A key is any `Hash + Eq` value; keys of different types, and of different kinds of line, never
//! meet. A line lives as long as a call holds it; then its key is buried: by a later look-up on
//! the same shelf, or by a turn, a few at a time, so that no burst of keys stalls the loop when it
//! goes. A line's end leaves a note (its key's hash and its number), so that burying needs neither
//! `Hash` nor `Eq`.
//!
//! Invariant: a shelf is named by its key type. One whose keys are not `Send` is touched by the
//! thread of the [`LoopKeys`] alone, because look-ups by [`Keys`] take `Send` keys only.

use std::any::{Any, TypeId};
use std::cell::Cell;
use std::collections::HashMap;
use std::hash::{BuildHasher, BuildHasherDefault, Hash, Hasher, RandomState};
use std::marker::PhantomData;
use std::ops::Deref;
use std::rc::Rc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, TryLockError, Weak};

use crossbeam_queue::SegQueue;

use crate::contain::drop_contained;

/// Keys buried by one look-up; more than one, so that burying gets ahead of dying.
const BURIED_PER_LOOKUP: usize = 2;

/// The end of a line: its key's hash and its number.
type Note = (u64, u64);

/// A line, and the note that it leaves when its last call is gone.
pub(crate) struct Keyed<L> {
    line: L,
    note: Note,
    notes: Arc<Notes>,
}

impl<L> Deref for Keyed<L> {
    type Target = L;

    fn deref(&self) -> &L {
        &self.line
    }
}

impl<L> Drop for Keyed<L> {
    fn drop(&mut self) {
        self.notes.queue.push(self.note);
        self.notes.unburied.fetch_add(1, Ordering::Relaxed);
    }
}

/// The notes of one shelf.
struct Notes {
    queue: SegQueue<Note>,
    /// Of all shelves together.
    unburied: Arc<AtomicUsize>,
}

struct Slot<K, L> {
    key: K,
    number: u64,
    line: Weak<Keyed<L>>,
}

/// The lines of one kind, by keys of one type.
struct Shelf<K, L> {
    slots: HashMap<u64, Vec<Slot<K, L>>, BuildHasherDefault<AsIs>>,
    notes: Arc<Notes>,
    next: u64,
}

/// Hashes a hash to itself.
#[derive(Default)]
struct AsIs(u64);

impl Hasher for AsIs {
    fn write(&mut self, _: &[u8]) {
        unreachable!("only hashes are hashed again");
    }

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

impl<K: Eq + 'static, L: Send + Sync + 'static> Shelf<K, L> {
    /// Where an equal key stands among those with its hash. Its `Eq` may panic; nothing is changed.
    fn find(&self, hash: u64, key: &K) -> Option<usize> {
        self.slots.get(&hash)?.iter().position(|slot| slot.key == *key)
    }

    /// The line of `key`, which `find` found at `at`. With the key,
    /// where an equal one is there already: it is to be dropped when nothing is locked.
    fn line(
        &mut self,
        hash: u64,
        at: Option<usize>,
        key: K,
        make: impl FnOnce() -> L,
    ) -> (Arc<Keyed<L>>, Option<K>) {
        if let Some(at) = at
            && let Some(line) = self.slots[&hash][at].line.upgrade()
        {
            return (line, Some(key));
        }
        self.next += 1;
        let number = self.next;
        let notes = self.notes.clone();
        let line = Arc::new(Keyed { line: make(), note: (hash, number), notes });
        let slots = self.slots.entry(hash).or_default();
        let weak = Arc::downgrade(&line);
        match at {
            Some(at) => {
                (slots[at].number, slots[at].line) = (number, weak);
                (line, Some(key))
            }
            None => {
                slots.push(Slot { key, number, line: weak });
                (line, None)
            }
        }
    }
}

/// A shelf of any type.
trait AnyShelf: Any {
    /// Buries dead keys, `most` at most; gives them out, to be dropped when nothing is locked.
    fn bury(&mut self, most: usize) -> Vec<Box<dyn Any>>;
    /// Drops all keys, each contained.
    fn clear(&mut self);
}

impl<K: 'static, L: 'static> AnyShelf for Shelf<K, L> {
    fn clear(&mut self) {
        for (_, slots) in self.slots.drain() {
            slots.into_iter().for_each(|slot| {
                drop_contained(slot.key);
            });
        }
    }

    fn bury(&mut self, most: usize) -> Vec<Box<dyn Any>> {
        let mut buried: Vec<Box<dyn Any>> = Vec::new();
        for (hash, number) in std::iter::from_fn(|| self.notes.queue.pop()).take(most) {
            self.notes.unburied.fetch_sub(1, Ordering::Relaxed);
            let Some(slots) = self.slots.get_mut(&hash) else { continue };
            // A line that took its place since has another number.
            if let Some(at) = slots.iter().position(|slot| slot.number == number) {
                buried.push(Box::new(slots.swap_remove(at).key));
            }
            if slots.is_empty() {
                self.slots.remove(&hash);
            }
        }
        if self.slots.len() * 8 < self.slots.capacity() {
            self.slots.shrink_to(self.slots.len() * 2);
        }
        buried
    }
}

/// A destructor that panics ends none of the others, and nobody's submit or turn.
fn drop_each(keys: Vec<Box<dyn Any>>) {
    for key in keys {
        drop_contained(key);
    }
}

struct Sendable(Box<dyn AnyShelf>);

// SAFETY: a shelf is reached by its key type only. A look-up by `Keys` asks for `K: Send`, so a
// shelf whose keys are not `Send` is only reached by look-ups, burials and the end of `LoopKeys`,
// which stays on the thread that it was made on. `L` is `Send + Sync`.
unsafe impl Send for Sendable {}

type Shelves = HashMap<TypeId, Sendable>;

/// The lines of one offloop, for any thread.
pub(crate) struct Keys {
    /// Held for a look-up: a key's `Eq` runs under it, and nothing else that is not ours.
    shelves: Mutex<Shelves>,
    hasher: RandomState,
    unburied: Arc<AtomicUsize>,
}

/// The same lines for the loop thread, whose keys need not be `Send`. There is one.
pub(crate) struct LoopKeys {
    keys: Arc<Keys>,
    unburied: Arc<AtomicUsize>,
    /// In a forked child, where the lock may be held by a thread that is not there.
    forgotten: Cell<bool>,
    not_send: PhantomData<Rc<()>>,
}

impl Keys {
    /// None yet, for the thread that calls this.
    pub(crate) fn on_this_thread() -> LoopKeys {
        let keys = Self {
            shelves: Mutex::new(HashMap::new()),
            hasher: RandomState::new(),
            unburied: Arc::new(AtomicUsize::new(0)),
        };
        let unburied = keys.unburied.clone();
        let (keys, forgotten) = (Arc::new(keys), Cell::new(false));
        LoopKeys { keys, unburied, forgotten, not_send: PhantomData }
    }

    /// The line of `key`; `make` begins one.
    pub(crate) fn line<K, L>(&self, key: K, make: impl FnOnce() -> L) -> Arc<Keyed<L>>
    where
        K: Hash + Eq + Send + 'static,
        L: Send + Sync + 'static,
    {
        self.find(key, make)
    }

    fn find<K, L>(&self, key: K, make: impl FnOnce() -> L) -> Arc<Keyed<L>>
    where
        K: Hash + Eq + 'static,
        L: Send + Sync + 'static,
    {
        let hash = self.hasher.hash_one(&key);
        let mut shelves = self.lock();
        let shelf = shelves.entry(TypeId::of::<(K, L)>()).or_insert_with(|| {
            let notes = Notes { queue: SegQueue::new(), unburied: self.unburied.clone() };
            Sendable(Box::new(Shelf::<K, L> {
                slots: HashMap::default(),
                notes: Arc::new(notes),
                next: 0,
            }))
        });
        let any: &mut dyn Any = &mut *shelf.0;
        let shelf = any.downcast_mut::<Shelf<K, L>>().expect("a shelf is named by its type");
        let at = shelf.find(hash, &key);
        let (line, equal) = shelf.line(hash, at, key, make);
        let buried = shelf.bury(BURIED_PER_LOOKUP);
        drop(shelves);
        drop_contained(equal);
        drop_each(buried);
        line
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Shelves> {
        // A key's `Eq` that panics does so before anything is changed.
        self.shelves.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl LoopKeys {
    pub(crate) fn keys(&self) -> Arc<Keys> {
        self.keys.clone()
    }

    /// The line of `key`; `make` begins one.
    pub(crate) fn line<K, L>(&self, key: K, make: impl FnOnce() -> L) -> Arc<Keyed<L>>
    where
        K: Hash + Eq + 'static,
        L: Send + Sync + 'static,
    {
        self.keys.find(key, make)
    }

    /// Buries the keys of lines that nobody holds any more, about `most` of them. With none it
    /// costs one load.
    pub(crate) fn bury(&self, most: usize) {
        if self.unburied.load(Ordering::Relaxed) == 0 {
            return;
        }
        // A handle may be looking a key up: then the next turn does it.
        let mut shelves = match self.keys.shelves.try_lock() {
            Ok(shelves) => shelves,
            Err(TryLockError::Poisoned(shelves)) => shelves.into_inner(),
            Err(TryLockError::WouldBlock) => return,
        };
        let mut buried = Vec::new();
        for shelf in shelves.values_mut() {
            buried.extend(shelf.0.bury(most.saturating_sub(buried.len())));
        }
        drop(shelves);
        drop_each(buried);
    }

    /// In a forked child: leaves everything alone, the lock too.
    pub(crate) fn forget(&self) {
        self.forgotten.set(true);
        std::mem::forget(self.keys.clone());
    }
}

impl Drop for LoopKeys {
    /// No key that is not `Send` stays behind for another thread to drop.
    fn drop(&mut self) {
        if !self.forgotten.get() {
            let shelves = std::mem::take(&mut *self.keys.lock());
            for mut shelf in shelves.into_values() {
                shelf.0.clear();
            }
        }
    }
}
