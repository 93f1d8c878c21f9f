//! A loop that is a plain `std::sync::mpsc` queue of events. The waker is a closure that sends one
//! more kind of event, and the loop answers that event with one `deliver`.
//!
//! Look at `Event::Wake`: that is all the loop learns. Keys go on being handled while the primes
//! are counted.

use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use offloop::Offloop;

enum Event {
    Key(char),
    Wake,
}

struct App {
    off: Offloop<App>,
    typed: String,
    primes: Vec<usize>,
}

impl App {
    fn on_key(&mut self, key: char) {
        self.typed.push(key);
        println!("typed {:?}", self.typed);
        if let Some(digit) = key.to_digit(10) {
            let limit = digit * 100_000;
            self.off.call(move || count_primes(limit)).cores().then(move |app, outcome| {
                let primes = outcome.expect("counting does not fail");
                println!("{primes} primes up to {limit}; typed so far: {:?}", app.typed);
                app.primes.push(primes);
            });
        }
    }
}

fn count_primes(limit: u32) -> usize {
    (2..=limit).filter(|n| (2..).take_while(|d| d * d <= *n).all(|d| n % d != 0)).count()
}

fn main() -> Result<(), offloop::Error> {
    let (events, queue) = mpsc::channel();
    let waker = events.clone();
    let off = Offloop::<App>::builder().waker(move || waker.send(Event::Wake)).build()?;
    let mut app = App { off, typed: String::new(), primes: Vec::new() };

    let keyboard = thread::spawn(move || {
        for key in "1 is prime? 5 is.".chars() {
            thread::sleep(Duration::from_millis(5));
            events.send(Event::Key(key)).expect("the loop runs");
        }
    });

    while app.primes.len() < 2 || !app.typed.ends_with('.') {
        match queue.recv().expect("the waker holds a sender") {
            Event::Key(key) => app.on_key(key),
            Event::Wake => {
                app.off.clone().deliver(&mut app);
            }
        }
    }

    keyboard.join().expect("the keyboard works");
    app.primes.sort_unstable();
    assert_eq!(app.primes, [9_592, 41_538]);
    Ok(())
}
