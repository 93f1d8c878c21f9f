//! The submitter's span reaches the worker as a field. Invariant: host and worker are this program,
//! which sets the same subscriber in both.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc;
use std::time::Duration;

use offloop::{Functions, Offloop, Outcome, Processes};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber, info_span};
use tracing_core::span::Current;

static NEXT: AtomicU64 = AtomicU64::new(1000);
/// The last `parent_span` that was recorded.
static PARENT: AtomicU64 = AtomicU64::new(0);

thread_local! {
    static ENTERED: std::cell::RefCell<Vec<(Id, &'static Metadata<'static>)>> =
        const { std::cell::RefCell::new(Vec::new()) };
}

/// Knows which span each thread is in, and reads one field.
struct Reader {
    metadata: std::sync::Mutex<Vec<(Id, &'static Metadata<'static>)>>,
}

struct Fields;

impl Visit for Fields {
    fn record_u64(&mut self, field: &Field, value: u64) {
        if field.name() == "parent_span" {
            PARENT.store(value, Ordering::SeqCst);
        }
    }

    fn record_debug(&mut self, _: &Field, _: &dyn std::fmt::Debug) {}
}

impl Subscriber for Reader {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, span: &Attributes<'_>) -> Id {
        span.record(&mut Fields);
        let id = Id::from_u64(NEXT.fetch_add(1, Ordering::SeqCst));
        self.metadata.lock().unwrap().push((id.clone(), span.metadata()));
        id
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, _: &Event<'_>) {}

    fn enter(&self, id: &Id) {
        let metadata = self.metadata.lock().unwrap();
        let known = metadata.iter().find(|(known, _)| known == id).expect("it was made");
        ENTERED.with_borrow_mut(|entered| entered.push(known.clone()));
    }

    fn exit(&self, _: &Id) {
        ENTERED.with_borrow_mut(|entered| entered.pop());
    }

    fn current_span(&self) -> Current {
        ENTERED.with_borrow(|entered| match entered.last() {
            Some((id, metadata)) => Current::new(id.clone(), metadata),
            None => Current::none(),
        })
    }
}

fn listen() {
    let reader = Reader { metadata: std::sync::Mutex::default() };
    tracing::subscriber::set_global_default(reader).expect("it is the first one");
}

/// The span that the function runs in, and its parent in the other process.
fn spans(_: ()) -> (String, u64) {
    let name = tracing::Span::current().metadata().map_or("", |span| span.name());
    (name.to_owned(), PARENT.load(Ordering::SeqCst))
}

fn main() {
    let functions = Functions::new().add("spans", spans).worker_init(listen);
    offloop::worker::run_if_worker(&functions);
    listen();
    let (wake, woken) = mpsc::channel();
    let builder = Offloop::<Option<Outcome<(String, u64)>>>::builder();
    let processes = Processes::new(functions).workers(1);
    let off = builder.waker(move || wake.send(())).processes(processes).build().unwrap();
    let span = info_span!("submits");
    span.in_scope(|| {
        off.call_fn(spans, ()).process().then(|seen, outcome| *seen = Some(outcome));
    });
    let mut seen = None;
    while seen.is_none() {
        woken.recv_timeout(Duration::from_secs(30)).expect("the loop is woken");
        off.deliver(&mut seen);
    }
    let (name, parent) = seen.unwrap().expect("it is told");
    assert_eq!((name.as_str(), parent), ("call", span.id().unwrap().into_u64()));
    println!("test the_submitters_span_reaches_the_worker ... ok");
}
