//! Who is there: a seat per worker thread, from its start to its end. Invariant: a seat is taken
//! before its thread is spawned, and free or left once its thread is past its last line.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{JoinHandle, Thread};
use std::time::{Duration, Instant};

use crate::complete::{CallRef, Claimed, Returned, Shown};

enum Place {
    Free,
    /// The thread runs.
    Taken(JoinHandle<()>),
    /// The thread is past its last line; whoever ends the pool joins it.
    Left(JoinHandle<()>),
}

/// One worker's corner, which others look into.
pub(crate) struct Seat {
    /// For waking. Locked by the worker when it starts and by the one that claimed it.
    thread: Mutex<Option<Thread>>,
    /// The call whose function runs now.
    call: Shown,
    /// Inside other code that is not ours: a destructor, a start hook.
    outside: AtomicBool,
}

impl Seat {
    fn is_outside(&self) -> bool {
        self.outside.load(Ordering::Acquire) || self.call.is_there()
    }
}

pub(crate) struct Roster {
    places: Mutex<Vec<Place>>,
    changed: Condvar,
    pub(crate) seats: Box<[Seat]>,
    /// Somebody waits for calls to end: workers say when one does.
    watched: AtomicBool,
}

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Nothing of ours panics under these locks, and no user code runs under them.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Roster {
    pub(crate) fn new(seats: usize) -> Self {
        let seat = || Seat {
            thread: Mutex::new(None),
            call: Shown::new(),
            outside: AtomicBool::new(false),
        };
        Self {
            places: Mutex::new((0..seats).map(|_| Place::Free).collect()),
            changed: Condvar::new(),
            seats: (0..seats).map(|_| seat()).collect(),
            watched: AtomicBool::new(false),
        }
    }

    /// Starts a thread on a free seat; `None` when there is none.
    pub(crate) fn start(
        &self,
        spawn: impl FnOnce(usize) -> std::io::Result<JoinHandle<()>>,
    ) -> Option<std::io::Result<()>> {
        // Held across the spawn: a thread that ends at once waits for its handle to be here.
        let mut places = lock(&self.places);
        let index = places.iter().position(|place| matches!(place, Place::Free))?;
        Some(spawn(index).map(|thread| places[index] = Place::Taken(thread)))
    }

    /// The last line of a worker: its handle stays for `join` when the pool ends, else it is let
    /// go, so that a retired thread's memory is freed.
    pub(crate) fn leave(&self, index: usize, stays: bool) {
        *lock(&self.seats[index].thread) = None;
        let mut places = lock(&self.places);
        places[index] = match std::mem::replace(&mut places[index], Place::Free) {
            Place::Taken(thread) if stays => Place::Left(thread),
            _ => Place::Free,
        };
        drop(places);
        self.changed.notify_all();
    }

    /// Threads that have a seat.
    pub(crate) fn threads(&self) -> usize {
        lock(&self.places).iter().filter(|place| matches!(place, Place::Taken(_))).count()
    }

    pub(crate) fn wake(&self, index: usize) {
        if let Some(thread) = &*lock(&self.seats[index].thread) {
            thread.unpark();
        }
    }

    /// The calls whose functions run now.
    pub(crate) fn running(&self) -> Vec<CallRef> {
        self.seats.iter().filter_map(|seat| seat.call.get()).collect()
    }

    /// Whether a function runs on every seat.
    pub(crate) fn is_held_by_calls(&self) -> bool {
        self.seats.iter().all(|seat| seat.call.is_there())
    }

    /// Waits until no function runs, at most until `until`.
    pub(crate) fn wait_returned(&self, until: Instant) {
        self.watched.store(true, Ordering::SeqCst);
        let mut places = lock(&self.places);
        while self.seats.iter().any(|seat| seat.call.is_there()) {
            let Some(left) = until.checked_duration_since(Instant::now()).filter(|t| !t.is_zero())
            else {
                return;
            };
            places = self.wait(places, left);
        }
    }

    /// Waits until every thread has left, and joins it. Threads in code that is not ours are
    /// waited for until `until`, the others as long as it takes, which is short.
    pub(crate) fn wait_left(&self, until: Instant) {
        let mut places = lock(&self.places);
        loop {
            let left = places.iter_mut().filter_map(|place| match place {
                Place::Left(_) => match std::mem::replace(place, Place::Free) {
                    Place::Left(thread) => Some(thread),
                    _ => None,
                },
                _ => None,
            });
            let left: Vec<JoinHandle<()>> = left.collect();
            if !left.is_empty() {
                drop(places);
                for thread in left {
                    // Only an error of ours could have ended it by a panic, and that is printed.
                    let _ended = thread.join();
                }
                places = lock(&self.places);
                continue;
            }
            let patient = Instant::now() < until;
            let ours = |index: usize| patient || !self.seats[index].is_outside();
            let waits =
                |(index, place): (usize, &Place)| matches!(place, Place::Taken(_)) && ours(index);
            if !places.iter().enumerate().any(waits) {
                return;
            }
            places = self.wait(places, Duration::from_millis(1));
        }
    }

    fn wait<'a>(
        &self,
        places: MutexGuard<'a, Vec<Place>>,
        time: Duration,
    ) -> MutexGuard<'a, Vec<Place>> {
        self.changed.wait_timeout(places, time).unwrap_or_else(PoisonError::into_inner).0
    }

    pub(crate) fn sit(&self, index: usize) {
        *lock(&self.seats[index].thread) = Some(std::thread::current());
    }

    /// Around code that is not ours.
    pub(crate) fn outside<R>(&self, index: usize, f: impl FnOnce() -> R) -> R {
        let seat = &self.seats[index];
        seat.outside.store(true, Ordering::Release);
        let result = f();
        seat.outside.store(false, Ordering::Release);
        result
    }

    /// Runs the function of a call.
    pub(crate) fn execute(&self, index: usize, claimed: Claimed) -> Returned {
        let returned = self.seats[index].call.execute(claimed);
        if self.watched.load(Ordering::SeqCst) {
            // Under the lock, so that the watcher is either before its look or in its wait.
            drop(lock(&self.places));
            self.changed.notify_all();
        }
        returned
    }
}
