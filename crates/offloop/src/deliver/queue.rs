//! The hand-over queue: many threads push, the loop thread pops, in order and without a lock.
//!
//! Dmitry Vyukov's intrusive MPSC node queue (1024cores.net, "Intrusive MPSC node-based queue"),
//! except that the stub is in the list only when nothing else is: the last node leaves by a
//! compare-and-swap. So anybody can see whether the queue is empty.
//! A push is one swap and one store. A pop never waits: between a pusher's swap and its store the
//! list is cut, and the popper sees "nothing yet"; that pusher raises the loop's notification
//! *after* its store, so the turn that it asks for finds the item.
//!
//! When the popper is dropped the queue *closes*: it is emptied, and what is pushed later is
//! dropped by its pusher. Order of effects. Popper: raise `drains`, set `closed`, touch `head`,
//! drain. Pusher: swap `head`, read `closed`, raise `drains`. So either the drain finds the item,
//! or the pusher sees `closed` and either empties the queue itself or has been heard by the one
//! that does.
//! Without this, calls that nobody delivered would keep their hub alive, and it them.
//!
//! Invariant: a node is in at most one queue, and belongs to the queue from push to pop.

use std::marker::PhantomData;
use std::ptr::{self, NonNull};

use crate::contain::drop_contained;
use crate::padded::Padded;
use crate::sync::{Arc, AtomicBool, AtomicPtr, AtomicUsize, Ordering, UnsafeCell, yield_now};

/// The link by which an item hangs in a queue.
pub(crate) struct Node {
    next: AtomicPtr<Node>,
}

impl Node {
    pub(crate) fn new() -> Self {
        Self { next: AtomicPtr::new(ptr::null_mut()) }
    }
}

/// An owning pointer whose target embeds a [`Node`].
///
/// # Safety
/// `into_node` gives a pointer to a live `Node` that nobody else links, stays valid until
/// `from_node` takes it back, and may move between threads.
pub(crate) unsafe trait Linked: Send {
    /// Gives ownership to the queue.
    fn into_node(self) -> NonNull<Node>;
    /// Takes ownership back.
    ///
    /// # Safety
    /// `node` came from `into_node` of this type, and is taken back once.
    unsafe fn from_node(node: NonNull<Node>) -> Self;
}

/// A value with a link of its own, for what has no place to embed one.
#[repr(C)]
pub(crate) struct Parcel<T> {
    /// First, so that a pointer to the link is a pointer to the parcel.
    node: Node,
    pub(crate) value: T,
}

impl<T> Parcel<T> {
    pub(crate) fn new(value: T) -> Box<Self> {
        Box::new(Self { node: Node::new(), value })
    }
}

// SAFETY: the box is given up as a raw pointer and rebuilt from the same one; `node` is the first
// field of a `repr(C)` struct, so the two addresses are equal; `T: Send`.
unsafe impl<T: Send> Linked for Box<Parcel<T>> {
    fn into_node(self) -> NonNull<Node> {
        NonNull::from(Box::leak(self)).cast()
    }

    unsafe fn from_node(node: NonNull<Node>) -> Self {
        // SAFETY: the caller gives back what `into_node` gave, once.
        unsafe { Box::from_raw(node.cast::<Parcel<T>>().as_ptr()) }
    }
}

struct Shared<P: Linked> {
    front: Padded<Front>,
    back: Padded<Back>,
    items: PhantomData<fn(P) -> P>,
}

/// What pushers touch.
struct Front {
    /// The newest node; every push swaps itself in here.
    head: AtomicPtr<Node>,
    closed: AtomicBool,
    /// Requests to empty a closed queue; not 0 while a thread is at it.
    drains: AtomicUsize,
}

/// What the popper touches, and a pusher that finds the queue empty.
struct Back {
    /// The oldest node. Touched by the popper alone, and when it is gone by whoever
    /// raised `drains` from 0.
    tail: UnsafeCell<*mut Node>,
    /// Stands in when the queue is empty, so that a push never sees a null head.
    stub: Node,
}

// SAFETY: items are `Send` (`Linked: Send`); `head` and the links are atomic, and `tail` is
// touched by the one popper only.
unsafe impl<P: Linked> Send for Shared<P> {}
// SAFETY: as above.
unsafe impl<P: Linked> Sync for Shared<P> {}

impl<P: Linked> Shared<P> {
    fn stub(&self) -> *mut Node {
        ptr::from_ref(&self.back.stub).cast_mut()
    }

    fn link(&self, node: *mut Node) {
        // SAFETY: `node` is the stub or owned by the queue, so it is alive.
        unsafe { (*node).next.store(ptr::null_mut(), Ordering::Relaxed) };
        // Release publishes the item; Acquire orders us behind the pusher whose node we link to. The
        // one order of all such accesses is for those who look at the queue without popping.
        let before = self.front.head.swap(node, Ordering::SeqCst);
        // SAFETY: the popper frees a node only once its `next` is set, and `before.next` is ours
        // to set: the swap gave `before` to us alone.
        unsafe { (*before).next.store(node, Ordering::Release) };
    }

    /// # Safety
    /// The caller is the only popper.
    unsafe fn pop(&self) -> Option<P> {
        let mut tail = self.back.tail.with_mut(|tail| {
            // SAFETY: the only popper touches `tail`.
            unsafe { *tail }
        });
        // SAFETY: `tail` is the stub or a node that the queue owns.
        let mut next = unsafe { (*tail).next.load(Ordering::Acquire) };
        if tail == self.stub() {
            if next.is_null() {
                return None;
            }
            self.set_tail(next);
            tail = next;
            // SAFETY: as above.
            next = unsafe { (*tail).next.load(Ordering::Acquire) };
        }
        if next.is_null() {
            // `tail` is the last node: the stub takes its place, so that it can leave.
            next = self.stub();
            self.back.stub.next.store(ptr::null_mut(), Ordering::Relaxed);
            let (newest, failed) = (Ordering::SeqCst, Ordering::Relaxed);
            if self.front.head.compare_exchange(tail, next, newest, failed).is_err() {
                return None; // a push is between its swap and its store
            }
        }
        self.set_tail(next);
        // SAFETY: `tail` came from `into_node`, is not the stub, and has left the list.
        Some(unsafe { P::from_node(NonNull::new_unchecked(tail)) })
    }

    fn set_tail(&self, node: *mut Node) {
        // SAFETY: only `pop` calls this, and `pop`'s caller is the only popper.
        self.back.tail.with_mut(|tail| unsafe { *tail = node });
    }
}

impl<P: Linked> Shared<P> {
    /// Gives what is there to `each`, and has pushers drop what comes from now on.
    fn close(&self, mut each: impl FnMut(P)) {
        // Pushers that see `closed` leave their requests to us, until all that is ours is taken.
        self.front.drains.fetch_add(1, Ordering::AcqRel);
        self.front.closed.store(true, Ordering::Release);
        // A swap that changes nothing: it orders the store before every later push's swap.
        let mut head = self.front.head.load(Ordering::Relaxed);
        while let Err(now) =
            self.front.head.compare_exchange(head, head, Ordering::AcqRel, Ordering::Relaxed)
        {
            head = now;
        }
        // What was pushed before that swap is ours, also where its store is still to come.
        loop {
            // SAFETY: the caller is the popper, and pushers leave its place to us.
            while let Some(item) = unsafe { self.pop() } {
                each(item);
            }
            if self.is_drained() {
                break;
            }
            yield_now();
        }
        self.drain(1, each);
    }

    /// Empties a closed queue, for the thread that raised `drains` from 0 and for those that have
    /// left their requests meanwhile; an item's destructor that pushes does so, too.
    fn drain(&self, mut requests: usize, mut each: impl FnMut(P)) {
        while requests != 0 {
            // SAFETY: the popper is gone or calls this, and whoever raised `drains` from 0 takes
            // its place.
            while let Some(item) = unsafe { self.pop() } {
                each(item);
            }
            requests = self.front.drains.fetch_sub(requests, Ordering::AcqRel) - requests;
        }
    }

    /// Whether the stub is both the oldest and the newest node, so that no push is under way
    /// either. A swap that changes nothing: a load might be out of date. For the popper.
    fn is_drained(&self) -> bool {
        let stub = self.stub();
        let newest = Ordering::AcqRel;
        // SAFETY: the caller is the popper, or stands in its place.
        self.back.tail.with_mut(|tail| unsafe { *tail == stub })
            && self.front.head.compare_exchange(stub, stub, newest, Ordering::Acquire).is_ok()
    }
}

/// The pushing side; any thread, any number of clones.
pub(crate) struct Pusher<P: Linked>(Arc<Shared<P>>);

/// The popping side: there is one, it may not be cloned, and popping takes `&mut`.
pub(crate) struct Popper<P: Linked>(Arc<Shared<P>>);

/// An empty queue.
pub(crate) fn queue<P: Linked>() -> (Pusher<P>, Popper<P>) {
    let shared = Arc::new(Shared {
        front: Padded(Front {
            head: AtomicPtr::new(ptr::null_mut()),
            closed: AtomicBool::new(false),
            drains: AtomicUsize::new(0),
        }),
        back: Padded(Back { tail: UnsafeCell::new(ptr::null_mut()), stub: Node::new() }),
        items: PhantomData,
    });
    // The stub's address is fixed now that it lives in the `Arc`, and nobody else has it yet.
    shared.front.head.store(shared.stub(), Ordering::Relaxed);
    shared.set_tail(shared.stub());
    (Pusher(shared.clone()), Popper(shared))
}

impl<P: Linked> Pusher<P> {
    /// Whether everything that was pushed has been popped. For any thread, and so out of date at
    /// once; sequentially consistent with pushes and with the pop of the last item.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.front.head.load(Ordering::SeqCst) == self.0.stub()
    }

    pub(crate) fn push(&self, item: P) {
        let shared = &*self.0;
        if shared.front.closed.load(Ordering::Acquire) {
            // Without this, busy pushers could keep the one that closes it busy for ever.
            drop_contained(item);
            return;
        }
        shared.link(item.into_node().as_ptr());
        if shared.front.closed.load(Ordering::Acquire)
            && shared.front.drains.fetch_add(1, Ordering::AcqRel) == 0
        {
            shared.drain(1, |item| {
                drop_contained(item);
            });
        }
    }
}

impl<P: Linked> Popper<P> {
    /// The oldest item; `None` when there is none, or when the next one is not fully there yet.
    pub(crate) fn pop(&mut self) -> Option<P> {
        // SAFETY: there is one `Popper` per queue, and this is `&mut` of it.
        unsafe { self.0.pop() }
    }

    /// Whether nothing is there to pop. A push that is not finished does not count; its pusher
    /// raises the notification afterwards.
    pub(crate) fn is_empty(&self) -> bool {
        let tail = self.0.back.tail.with_mut(|tail| {
            // SAFETY: the only popper touches `tail`.
            unsafe { *tail }
        });
        // SAFETY: `tail` is the stub, which lives as long as the queue.
        tail == self.0.stub() && unsafe { (*tail).next.load(Ordering::Acquire) }.is_null()
    }
}

impl<P: Linked> Popper<P> {
    /// Ends the queue: `each` gets what is there, and pushers drop what they push from now on.
    /// `each` must not unwind.
    pub(crate) fn close(self, each: impl FnMut(P)) {
        self.0.close(each);
    }
}

impl<P: Linked> Drop for Popper<P> {
    fn drop(&mut self) {
        if !self.0.front.closed.load(Ordering::Relaxed) {
            self.0.close(|item| {
                drop_contained(item);
            });
        }
    }
}
