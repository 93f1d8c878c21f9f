//! A bare `epoll` loop, Linux, with a timerfd that ticks every 10 ms. offloop is one more
//! descriptor in it, watched for reading, level-triggered.
//!
//! Look at the two `epoll::add` lines: to the loop, an outcome is an event like a tick. The clock
//! keeps ticking while the calls run.

#[cfg(target_os = "linux")]
fn main() -> Result<(), Box<dyn std::error::Error>> {
    linux::main()
}

#[cfg(not(target_os = "linux"))]
fn main() {
    println!("epoll_loop is for Linux: other systems have no epoll");
}

#[cfg(target_os = "linux")]
mod linux {
    use std::error::Error;
    use std::os::fd::OwnedFd;
    use std::thread;
    use std::time::Duration;

    use offloop::Offloop;
    use rustix::buffer::spare_capacity;
    use rustix::event::epoll::{self, CreateFlags, EventData, EventFlags};
    use rustix::time::{
        Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create,
        timerfd_settime,
    };

    const TICK: u64 = 1;
    const OFFLOOP: u64 = 2;

    struct App {
        off: Offloop<App>,
        ticks: u64,
        answers: Vec<u32>,
    }

    fn slow_square(n: u32) -> u32 {
        thread::sleep(Duration::from_millis(100) * n);
        n * n
    }

    pub(crate) fn main() -> Result<(), Box<dyn Error>> {
        let off = Offloop::<App>::builder().fd_waker().build()?;
        let mut app = App { off, ticks: 0, answers: Vec::new() };
        let timer = ticking_every(Duration::from_millis(10))?;

        let epoll = epoll::create(CreateFlags::CLOEXEC)?;
        epoll::add(&epoll, &timer, EventData::new_u64(TICK), EventFlags::IN)?;
        let outcomes = app.off.as_fd().expect("built with fd_waker");
        epoll::add(&epoll, outcomes, EventData::new_u64(OFFLOOP), EventFlags::IN)?;

        for n in 1..=3 {
            app.off.call(move || slow_square(n)).then(move |app, outcome| {
                println!("{n} × {n} = {outcome:?}, after {} ticks", app.ticks);
                app.answers.extend(outcome);
            });
        }

        let mut events = Vec::with_capacity(16);
        while app.answers.len() < 3 {
            epoll::wait(&epoll, spare_capacity(&mut events), None)?;
            for event in events.drain(..) {
                match event.data.u64() {
                    TICK => app.ticks += expirations(&timer)?,
                    OFFLOOP => {
                        app.off.clone().deliver(&mut app);
                    }
                    other => unreachable!("nothing was added as {other}"),
                }
            }
        }

        app.answers.sort_unstable();
        assert_eq!(app.answers, [1, 4, 9]);
        assert!(app.ticks > 0, "the clock stood still for 300 ms");
        Ok(())
    }

    fn ticking_every(period: Duration) -> Result<OwnedFd, Box<dyn Error>> {
        let timer = timerfd_create(TimerfdClockId::Monotonic, TimerfdFlags::CLOEXEC)?;
        let period = Timespec::try_from(period)?;
        let spec = Itimerspec { it_interval: period, it_value: period };
        timerfd_settime(&timer, TimerfdTimerFlags::empty(), &spec)?;
        Ok(timer)
    }

    /// How often the timer went off since the last read.
    fn expirations(timer: &OwnedFd) -> Result<u64, Box<dyn Error>> {
        let mut count = [0; 8];
        rustix::io::read(timer, &mut count)?;
        Ok(u64::from_ne_bytes(count))
    }
}
