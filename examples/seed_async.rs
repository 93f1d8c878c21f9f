//! The classic case, with native async I/O: an event system whose handler asks a slow server. Twenty
//! questions are under way at once, on one thread that waits for all of them; each answer comes back as
//! an event on the main thread, and so does a question that the server never answers: its deadline
//! passes, its future is dropped, and with it its connection.
//!
//! Look at `on_input`, where the slow call was, and at `process_result`, where its outcome arrives with
//! `&mut EventSystem`.

use std::error::Error;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, Barrier, mpsc};
use std::thread::{self, ThreadId};
use std::time::Duration;

use offloop::{Failure, Offloop, Outcome};
use offloop_tokio::TokioExecutor;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const QUESTIONS: u32 = 20;
const NEVER_ANSWERED: u32 = 13_000;

enum Event {
    Input(u32),
    /// offloop has something to deliver.
    Wake,
}

struct EventSystem {
    off: Offloop<EventSystem>,
    server: SocketAddr,
    main_thread: ThreadId,
    outcomes: Vec<Outcome<io::Result<u32>>>,
}

impl EventSystem {
    fn on_input(&mut self, input: u32) {
        self.off.call_async(slow_call(self.server, input)).then(EventSystem::process_result);
    }

    fn process_result(&mut self, outcome: Outcome<io::Result<u32>>) {
        assert_eq!(thread::current().id(), self.main_thread);
        match &outcome {
            Ok(Ok(value)) => println!("Result on the main thread: {value}"),
            Ok(Err(error)) => println!("Error on the main thread: {error}"),
            Err(failure) => println!("Failure on the main thread: {failure}"),
        }
        self.outcomes.push(outcome);
    }
}

/// It holds no thread while it waits.
async fn slow_call(server: SocketAddr, input: u32) -> io::Result<u32> {
    let mut stream = TcpStream::connect(server).await?;
    stream.write_u32(input).await?;
    stream.read_u32().await
}

fn main() -> Result<(), Box<dyn Error>> {
    let server = start_server()?;
    let (events, queue) = mpsc::channel();
    let waker = events.clone();
    let off = Offloop::<EventSystem>::builder()
        .waker(move || waker.send(Event::Wake))
        .async_on(TokioExecutor::new()?) // a runtime of one thread, behind the loop
        .build()?;
    let main_thread = thread::current().id();
    let mut system = EventSystem { off, server, main_thread, outcomes: Vec::new() };

    for input in 0..QUESTIONS {
        events.send(Event::Input(input))?;
    }
    let unanswered = system.off.call_async(slow_call(server, NEVER_ANSWERED));
    unanswered.deadline(Duration::from_millis(200)).then(EventSystem::process_result);
    println!("Main thread continues…");

    while system.outcomes.len() <= QUESTIONS as usize {
        match queue.recv()? {
            Event::Input(input) => system.on_input(input),
            Event::Wake => {
                system.off.clone().deliver(&mut system);
            }
        }
    }
    assert_eq!(system.off.stats().async_calls.threads, 1);
    assert!(system.off.shutdown(Duration::from_secs(60)).abandoned.is_empty());

    let timed_out = |outcome: &&_| matches!(outcome, Err(Failure::TimedOut));
    assert_eq!(system.outcomes.iter().filter(timed_out).count(), 1);
    let mut values: Vec<u32> = system.outcomes.into_iter().flatten().flatten().collect();
    values.sort_unstable();
    assert!(values.into_iter().eq((0..QUESTIONS).map(|input| input * 2)));
    Ok(())
}

/// A server that blocks, somewhere else: it answers nobody before all have asked, and ends with the program.
fn start_server() -> io::Result<SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let server = listener.local_addr()?;
    let all_asked = Arc::new(Barrier::new(QUESTIONS as usize));
    thread::spawn(move || {
        for stream in listener.incoming() {
            let all_asked = all_asked.clone();
            // A connection that fails is its client's to tell of.
            thread::spawn(move || answer(stream?, &all_asked));
        }
    });
    Ok(server)
}

fn answer(mut stream: std::net::TcpStream, all_asked: &Barrier) -> io::Result<()> {
    let mut question = [0; 4];
    stream.read_exact(&mut question)?;
    let input = u32::from_be_bytes(question);
    if input == NEVER_ANSWERED {
        // Until the client gives up.
        return stream.read(&mut question).map(|_| ());
    }
    all_asked.wait();
    thread::sleep(Duration::from_millis(500));
    stream.write_all(&(input * 2).to_be_bytes())
}
