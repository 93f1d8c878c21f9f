//! The classic case: an event system whose handler makes an expensive synchronous call of two
//! seconds. The call leaves the main thread, the main thread goes on, and the result comes back as
//! an event on the main thread; so does a failure: a panic, or a deadline that passed.
//!
//! Look at `on_input`, where the expensive call was, and at `process_result`, where its outcome
//! arrives with `&mut EventSystem`.

use std::sync::mpsc;
use std::thread::{self, ThreadId};
use std::time::Duration;

use offloop::{Context, Failure, Offloop, Outcome};

enum Event {
    Input(u32),
    /// offloop has something to deliver.
    Wake,
}

struct EventSystem {
    off: Offloop<EventSystem>,
    main_thread: ThreadId,
    outcomes: Vec<Outcome<u32>>,
}

impl EventSystem {
    fn on_input(&mut self, input: u32) {
        self.off.call(move || expensive_call(input)).then(EventSystem::process_result);
    }

    fn process_result(&mut self, outcome: Outcome<u32>) {
        assert_eq!(thread::current().id(), self.main_thread);
        match &outcome {
            Ok(value) => println!("Result on the main thread: {value}"),
            Err(failure) => println!("Failure on the main thread: {failure}"),
        }
        self.outcomes.push(outcome);
    }
}

fn expensive_call(input: u32) -> u32 {
    assert!(input != 13, "13 is no input");
    thread::sleep(Duration::from_secs(2));
    input * 2
}

/// A deadline does not stop a thread; a function that looks at its context stops by itself.
fn endless_call(cx: &Context) -> u32 {
    while !cx.is_cancelled() {
        thread::sleep(Duration::from_millis(1));
    }
    0
}

fn main() -> Result<(), offloop::Error> {
    let (events, queue) = mpsc::channel();
    let waker = events.clone();
    let off = Offloop::<EventSystem>::builder().waker(move || waker.send(Event::Wake)).build()?;
    let main_thread = thread::current().id();
    let mut system = EventSystem { off, main_thread, outcomes: Vec::new() };

    system.on_input(10);
    println!("Main thread continues…");

    // Both failures arrive as the result does. Rust prints the panic where it happens, too.
    events.send(Event::Input(13)).expect("the queue is open");
    let deadline = Duration::from_millis(200);
    system.off.call_with(endless_call).deadline(deadline).then(EventSystem::process_result);

    while system.outcomes.len() < 3 {
        match queue.recv().expect("the waker holds a sender") {
            Event::Input(input) => system.on_input(input),
            Event::Wake => {
                system.off.clone().deliver(&mut system);
            }
        }
    }

    let has = |wanted: fn(&Outcome<u32>) -> bool| system.outcomes.iter().any(wanted);
    assert!(has(|outcome| matches!(outcome, Ok(20))));
    assert!(has(|outcome| matches!(outcome, Err(Failure::Panicked(_)))));
    assert!(has(|outcome| matches!(outcome, Err(Failure::TimedOut))));
    Ok(())
}
