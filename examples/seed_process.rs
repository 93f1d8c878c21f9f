//! The classic case, in a process: an event system, a call that computes for a while and has a
//! result of 64 MiB, and a call that crashes; each ends in a handler on the main thread.
//!
//! Before that the program shows how the same is commonly written by hand, and why that hangs.

use std::error::Error;

#[cfg(target_os = "linux")]
fn main() -> Result<(), Box<dyn Error>> {
    linux::main()
}

#[cfg(not(target_os = "linux"))]
fn main() -> Result<(), Box<dyn Error>> {
    println!("worker processes are implemented for Linux");
    Ok(())
}

#[cfg(target_os = "linux")]
mod linux {
    use std::error::Error;
    use std::io::{Write, stdout};
    use std::process::{Command, Stdio};
    use std::sync::mpsc::{self, RecvTimeoutError};
    use std::time::{Duration, Instant};

    use offloop::{Failure, Functions, Offloop, Outcome, Processes, SharedBuf};

    /// 64 MiB of answers.
    const NUMBERS: usize = 64 << 20;
    const LARGEST_PRIME: usize = NUMBERS - 5;

    /// The expensive call: for each number below `count` whether it is a prime. The answers are
    /// written where this program will read them: a `SharedBuf` goes over without a copy.
    fn sieve(count: usize) -> SharedBuf {
        let mut prime = SharedBuf::new(count).expect("there is memory for the answers");
        prime[2..].fill(1);
        for n in (2..).take_while(|n| n * n < count) {
            if prime[n] == 1 {
                prime[n * n..].iter_mut().step_by(n).for_each(|multiple| *multiple = 0);
            }
        }
        prime
    }

    /// Stands for a library that gives up for the whole program.
    fn give_up(reason: String) -> usize {
        eprintln!("worker: {reason}; good-bye");
        std::process::abort()
    }

    /// By hand: start the program again, wait for its end, read what it printed.
    ///
    /// It works for as long as the result is small. A pipe holds 64 KiB; the child waits until
    /// somebody reads the rest, and who would read it waits for the child to end. Only a limit
    /// ends this: `child.wait()` in the place of the loop never returns.
    fn naive(limit: Duration) -> Result<bool, Box<dyn Error>> {
        let program = std::env::current_exe()?;
        let mut child = Command::new(program).arg("naive").stdout(Stdio::piped()).spawn()?;
        let began = Instant::now();
        while child.try_wait()?.is_none() {
            if began.elapsed() > limit {
                child.kill()?;
                child.wait()?;
                return Ok(false);
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        Ok(true)
    }

    enum Event {
        Wake,
    }

    struct App {
        off: Offloop<App>,
        largest: Option<usize>,
        crashes: usize,
        ticks: usize,
    }

    impl App {
        fn on_sieve(&mut self, outcome: Outcome<SharedBuf>) {
            let prime = outcome.expect("a sieve neither crashes nor waits");
            self.largest = prime.iter().rposition(|&is_prime| is_prime == 1);
            println!(
                "{} MiB came back; the largest prime is {:?}",
                prime.len() >> 20,
                self.largest
            );
        }

        fn on_gave_up(&mut self, outcome: Outcome<usize>) {
            match outcome {
                Err(Failure::Died(exit)) => {
                    println!("a worker died, {exit}; this program goes on");
                    self.crashes += 1;
                }
                other => panic!("a crash is an outcome of its own, and this is {other:?}"),
            }
        }

        /// The loop. Its other work is to tick.
        fn run_until_idle(&mut self, queue: &mpsc::Receiver<Event>) {
            while self.off.pending() > 0 {
                match queue.recv_timeout(Duration::from_millis(10)) {
                    Ok(Event::Wake) => {
                        self.off.clone().deliver(self);
                    }
                    Err(RecvTimeoutError::Timeout) => self.ticks += 1,
                    Err(RecvTimeoutError::Disconnected) => return,
                }
            }
        }
    }

    pub(crate) fn main() -> Result<(), Box<dyn Error>> {
        let functions = Functions::new().add("sieve", sieve).add("give up", give_up);
        offloop::worker::run_if_worker(&functions); // the same program becomes the worker
        if std::env::args().nth(1).as_deref() == Some("naive") {
            // What it would print is of no matter: it never gets beyond the first 64 KiB.
            return Ok(stdout().write_all(&vec![1; NUMBERS])?);
        }

        let ended = naive(Duration::from_millis(500))?;
        assert!(!ended, "64 MiB do not fit into a pipe");
        println!("by hand: no result after 500 ms, and none ever: child and parent wait in a ring");

        let (events, queue) = mpsc::channel();
        let off = Offloop::<App>::builder()
            .waker(move || events.send(Event::Wake))
            .processes(Processes::new(functions).workers(1))
            .build()?;
        let mut app = App { off, largest: None, crashes: 0, ticks: 0 };

        app.off.call_fn(give_up, "out of ideas".into()).process().then(App::on_gave_up);
        app.off.call_fn(sieve, NUMBERS).process().then(App::on_sieve);
        app.run_until_idle(&queue);

        println!("the loop ticked {} times meanwhile", app.ticks);
        assert_eq!((app.crashes, app.largest), (1, Some(LARGEST_PRIME)));
        assert!(app.ticks > 0, "the loop went on while the worker computed");
        let end = app.off.shutdown(Duration::from_secs(60));
        assert!(end.abandoned.is_empty(), "no call is left behind: {end:?}");
        Ok(())
    }
}
