//! One program on every loop; here on bare `epoll` with a timerfd (Linux). It hashes the
//! files of a folder off the loop, while a counter ticks; `c` and Enter cancel it.
//!
//! `App` is the same in all of them: compare two by `diff`, and what is left is their loops. Here
//! that is `main` and the module `linux`.

#![cfg_attr(not(target_os = "linux"), allow(dead_code))]

use std::io;
use std::time::Duration;

use hash_folder::{Options, Progress, Summary, hash_folder};
use offloop::{Offloop, Outcome, Ticket};

const TICK: Duration = Duration::from_millis(50);

struct App {
    off: Offloop<App>,
    options: Options,
    ticks: u64,
    line: String,
    call: Option<Ticket>,
}

impl App {
    fn new(off: Offloop<App>) -> Self {
        Self { off, options: Options::from_args(), ticks: 0, line: String::new(), call: None }
    }

    /// Here the loop would stand still: `self.on_outcome(Ok(hash_folder(&options)))`.
    fn start(&mut self) {
        let options = self.options.clone();
        let call = self.off.call_with(move |cx| hash_folder(cx, &options));
        let call = call.name("hash").on_progress(App::on_progress);
        self.call = Some(call.then(App::on_outcome));
    }

    fn cancel(&mut self) {
        if let Some(call) = &self.call {
            call.cancel();
        }
    }

    fn tick(&mut self) {
        self.ticks += 1;
    }

    fn on_progress(&mut self, progress: Progress) {
        self.line = progress.to_string();
    }

    fn on_outcome(&mut self, outcome: Outcome<io::Result<Summary>>) {
        self.call = None;
        self.line = match outcome {
            Ok(Ok(summary)) => summary.to_string(),
            Ok(Err(error)) => error.to_string(),
            Err(failure) => failure.to_string(),
        };
        println!("{}", self.line);
    }
}

#[cfg(not(target_os = "linux"))]
fn main() {
    println!("hash_epoll is for Linux: other systems have no epoll");
}

#[cfg(target_os = "linux")]
fn main() -> Result<(), Box<dyn std::error::Error>> {
    use linux::{Epoll, KEYS, OUTCOMES, TICKS};

    let off = Offloop::builder().fd_waker().build()?;
    let epoll = Epoll::new(off.as_fd().expect("built with fd_waker"))?;
    let mut app = App::new(off);
    app.start();
    while app.call.is_some() {
        for event in epoll.wait()? {
            match event {
                OUTCOMES => {
                    app.off.clone().deliver(&mut app);
                }
                KEYS => {
                    if epoll.keys()?.contains(&b'c') {
                        app.cancel();
                    }
                }
                TICKS => {
                    epoll.expirations()?;
                    app.tick();
                    eprint!("\r{} {}  ", app.ticks, app.line);
                }
                other => unreachable!("nothing was added as {other}"),
            }
        }
    }
    Ok(())
}

/// The loop's descriptors, level-triggered.
#[cfg(target_os = "linux")]
mod linux {
    use std::io;
    use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

    use rustix::buffer::spare_capacity;
    use rustix::event::epoll::{self, CreateFlags, EventData, EventFlags};
    use rustix::io::{Errno, retry_on_intr};
    use rustix::time::{
        Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create,
        timerfd_settime,
    };

    pub(crate) const OUTCOMES: u64 = 0;
    pub(crate) const KEYS: u64 = 1;
    pub(crate) const TICKS: u64 = 2;

    pub(crate) struct Epoll {
        epoll: OwnedFd,
        timer: OwnedFd,
    }

    impl Epoll {
        pub(crate) fn new(outcomes: BorrowedFd<'_>) -> io::Result<Self> {
            let epoll = epoll::create(CreateFlags::CLOEXEC)?;
            let add = |fd, what| epoll::add(&epoll, fd, EventData::new_u64(what), EventFlags::IN);
            add(outcomes, OUTCOMES)?;
            match add(rustix::stdio::stdin(), KEYS) {
                // A file, which epoll does not watch: nobody is there to press a key.
                Ok(()) | Err(Errno::PERM) => {}
                Err(error) => return Err(error.into()),
            }
            let timer = timerfd_create(TimerfdClockId::Monotonic, TimerfdFlags::CLOEXEC)?;
            let period = Timespec::try_from(super::TICK).expect("it is short");
            let spec = Itimerspec { it_interval: period, it_value: period };
            timerfd_settime(&timer, TimerfdTimerFlags::empty(), &spec)?;
            add(timer.as_fd(), TICKS)?;
            Ok(Self { epoll, timer })
        }

        /// What is ready, of the three.
        pub(crate) fn wait(&self) -> io::Result<Vec<u64>> {
            let mut events = Vec::with_capacity(16);
            retry_on_intr(|| epoll::wait(&self.epoll, spare_capacity(&mut events), None))?;
            Ok(events.iter().map(|event| event.data.u64()).collect())
        }

        /// What Enter sent. At its end, the keyboard leaves the loop.
        pub(crate) fn keys(&self) -> io::Result<Vec<u8>> {
            let mut keys = vec![0; 64];
            let read = rustix::io::read(rustix::stdio::stdin(), &mut keys)?;
            if read == 0 {
                epoll::delete(&self.epoll, rustix::stdio::stdin())?;
            }
            keys.truncate(read);
            Ok(keys)
        }

        /// How often the timer went off since the last time.
        pub(crate) fn expirations(&self) -> io::Result<u64> {
            let mut count = [0; 8];
            rustix::io::read(&self.timer, &mut count)?;
            Ok(u64::from_ne_bytes(count))
        }
    }
}
