//! Why an offloop could not be built. Invariant: each reason is one sentence that says what to do.

use std::fmt;
use std::io;

/// Why an offloop could not be built. In `Debug` too it is a sentence, which a `main` that returns it prints.
pub struct Error(Kind);

#[derive(Debug)]
pub(super) enum Kind {
    NoWaker,
    NoThreads(&'static str),
    NoQueue,
    NiceRange(i32),
    NoCpus,
    Nice(i32, io::Error),
    Pin(Vec<usize>, io::Error),
    Descriptor(io::Error),
    Keeper(io::Error),
    #[cfg(feature = "process")]
    Processes(Unfit),
    #[cfg(all(feature = "process", target_os = "linux"))]
    Manager(io::Error),
}

/// Why worker processes can't work.
#[cfg(feature = "process")]
#[derive(Debug, Clone, Copy)]
pub(super) enum Unfit {
    #[cfg(not(target_os = "linux"))]
    System,
    #[cfg(target_os = "linux")]
    NoWorkers,
    #[cfg(target_os = "linux")]
    NoQueue,
    #[cfg(target_os = "linux")]
    Forgotten,
    #[cfg(target_os = "linux")]
    OtherFunctions,
}

#[cfg(feature = "process")]
impl fmt::Display for Unfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            #[cfg(not(target_os = "linux"))]
            Unfit::System => {
                "worker processes are implemented for Linux only: build without processes(..) here, \
                 and calls to them come to Rejected(NotConfigured)"
            }
            #[cfg(target_os = "linux")]
            Unfit::NoWorkers => {
                "Processes::workers is 0, so that no call could ever run: use at least 1"
            }
            #[cfg(target_os = "linux")]
            Unfit::NoQueue => "a queue of 0 would refuse every call: use at least 1",
            #[cfg(target_os = "linux")]
            Unfit::Forgotten => {
                "this program would not become a worker when it is started as one: call \
                 offloop::worker::run_if_worker(&functions) as the first line of main(), or name \
                 another program by Processes::program(..)"
            }
            #[cfg(target_os = "linux")]
            Unfit::OtherFunctions => {
                "run_if_worker and Processes::new were given different functions: give both the same"
            }
        })
    }
}

impl From<Kind> for Error {
    fn from(kind: Kind) -> Self {
        Self(kind)
    }
}

impl Error {
    /// Whether the system refused something (a thread, a descriptor, a priority, a CPU), so that
    /// the same options may work elsewhere or later.
    pub fn is_system(&self) -> bool {
        std::error::Error::source(self).is_some()
    }

    /// Whether no way to wake the loop was chosen.
    pub fn is_waker_missing(&self) -> bool {
        matches!(self.0, Kind::NoWaker)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Kind::NoWaker => f.write_str(
                "offloop does not know how to wake the loop: call waker(..), fd_waker(), or \
                 no_waker() if the loop polls",
            ),
            Kind::NoThreads(option) => {
                write!(f, "{option} is 0, so that no call could ever run: use at least 1")
            }
            Kind::NoQueue => f.write_str("a queue of 0 would refuse every call: use at least 1"),
            Kind::NiceRange(nice) => {
                write!(f, "the nice value {nice} does not exist: use one from -20 to 19")
            }
            Kind::NoCpus => f.write_str("pin names no CPU to run on: name at least one"),
            Kind::Nice(nice, error) => write!(
                f,
                "the nice value {nice} can't be set for a thread ({error}); one below 0 needs a \
                 privilege"
            ),
            Kind::Pin(cpus, error) => write!(
                f,
                "threads can't be pinned to the CPUs {cpus:?} ({error}); name CPUs that this \
                 process may run on"
            ),
            Kind::Descriptor(error) => {
                write!(f, "the descriptor that wakes the loop can't be made: {error}")
            }
            Kind::Keeper(error) => {
                write!(f, "the thread that keeps deadlines can't be started: {error}")
            }
            #[cfg(feature = "process")]
            Kind::Processes(unfit) => unfit.fmt(f),
            #[cfg(all(feature = "process", target_os = "linux"))]
            Kind::Manager(error) => {
                write!(f, "the thread that manages worker processes can't be started: {error}")
            }
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &self.0 {
            Kind::NoWaker
            | Kind::NoThreads(_)
            | Kind::NoQueue
            | Kind::NiceRange(_)
            | Kind::NoCpus => None,
            #[cfg(feature = "process")]
            Kind::Processes(_) => None,
            #[cfg(all(feature = "process", target_os = "linux"))]
            Kind::Manager(error) => Some(error),
            Kind::Nice(_, error)
            | Kind::Pin(_, error)
            | Kind::Descriptor(error)
            | Kind::Keeper(error) => Some(error),
        }
    }
}
