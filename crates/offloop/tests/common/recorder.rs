//! A subscriber that remembers which spans live, which is current on each thread, and every event.
//! Invariant: it is the whole process's, so tests tell their own by a call's name or a span's id.

#![allow(dead_code)] // each test program uses a part of it

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};
use std::fmt::Debug;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, Once};

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};
use tracing_core::span::Current;

/// An event of the library's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Told {
    pub(crate) level: Level,
    /// The message is the field `message`.
    pub(crate) fields: BTreeMap<&'static str, String>,
}

type Spans = HashMap<u64, (&'static Metadata<'static>, usize)>;

static SPANS: Mutex<Option<Spans>> = Mutex::new(None);
static EVENTS: Mutex<Vec<Told>> = Mutex::new(Vec::new());
static NEXT: AtomicU64 = AtomicU64::new(1);

thread_local! {
    static ENTERED: RefCell<Vec<u64>> = const { RefCell::new(Vec::new()) };
}

/// What a test adds: runs on each call of the subscriber, with its name.
pub(crate) type Also = fn(&'static str);

pub(crate) struct Recorder {
    also: Also,
}

impl Recorder {
    pub(crate) fn install(also: Also) {
        static ONCE: Once = Once::new();
        ONCE.call_once(|| {
            let taken = tracing::subscriber::set_global_default(Self { also });
            taken.expect("no other subscriber is there");
        });
    }
}

/// The span that is current on this thread.
pub(crate) fn current() -> Option<u64> {
    ENTERED.with(|entered| entered.borrow().last().copied())
}

/// Whether somebody still holds the span.
pub(crate) fn is_alive(id: u64) -> bool {
    spans().as_ref().is_some_and(|spans| spans.contains_key(&id))
}

/// The events of the call with this name.
pub(crate) fn told(name: &str) -> Vec<Told> {
    let events = EVENTS.lock().unwrap();
    let is_its = |told: &&Told| told.fields.get("name").is_some_and(|its| its == name);
    events.iter().filter(is_its).cloned().collect()
}

fn spans() -> MutexGuard<'static, Option<Spans>> {
    SPANS.lock().unwrap()
}

impl Subscriber for Recorder {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, span: &Attributes<'_>) -> Id {
        let id = NEXT.fetch_add(1, Ordering::SeqCst);
        spans().get_or_insert_default().insert(id, (span.metadata(), 1));
        Id::from_u64(id)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        if event.metadata().target() != "offloop" {
            return;
        }
        let mut told = Told { level: *event.metadata().level(), fields: BTreeMap::new() };
        event.record(&mut told);
        EVENTS.lock().unwrap().push(told);
        (self.also)("event");
    }

    fn enter(&self, id: &Id) {
        ENTERED.with(|entered| entered.borrow_mut().push(id.into_u64()));
        (self.also)("enter");
    }

    fn exit(&self, id: &Id) {
        let left = ENTERED.with(|entered| entered.borrow_mut().pop());
        assert_eq!(left, Some(id.into_u64()), "spans are left in the order of their entries");
        (self.also)("exit");
    }

    fn clone_span(&self, id: &Id) -> Id {
        if let Some((_, count)) = spans().get_or_insert_default().get_mut(&id.into_u64()) {
            *count += 1;
        }
        (self.also)("clone");
        id.clone()
    }

    fn try_close(&self, id: Id) -> bool {
        let id = id.into_u64();
        let closed = {
            let mut spans = spans();
            let spans = spans.get_or_insert_default();
            let (_, count) = spans.get_mut(&id).expect("it is closed once");
            *count -= 1;
            *count == 0 && spans.remove(&id).is_some()
        };
        (self.also)("close");
        closed
    }

    fn current_span(&self) -> Current {
        let here = current().and_then(|id| Some((id, spans().as_ref()?.get(&id)?.0)));
        here.map_or_else(Current::none, |(id, metadata)| Current::new(Id::from_u64(id), metadata))
    }
}

impl Visit for Told {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.fields.insert(field.name(), format!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.fields.insert(field.name(), value.to_owned());
    }
}
