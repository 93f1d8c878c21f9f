//! What the calls of the chaos do, in their workers. Invariant: each function that is entered leaves
//! a record of that, before anything else, in a file that only grows.

use std::io::Write;
use std::path::Path;
use std::time::Duration;

use offloop::{Context, Functions, SharedBuf};
use rustix::process::{Signal, getpid, kill_process};
use serde::{Deserialize, Serialize};

/// A call's number, and the folder where its functions leave their records.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Site {
    pub(super) folder: String,
    pub(super) id: u32,
}

/// The numbers of calls whose functions were entered, four bytes each.
pub(super) const RUNS: &str = "runs";

/// The processes that are to be signalled: their numbers, and the signal's.
pub(super) const VICTIMS: &str = "victims";

impl Site {
    fn enter(&self) {
        append(&Path::new(&self.folder).join(RUNS), &self.id.to_le_bytes());
    }
}

fn append(file: &Path, bytes: &[u8]) -> u64 {
    let file = std::fs::File::options().create(true).append(true).open(file);
    let mut file = file.expect("it can be opened");
    file.write_all(bytes).expect("it has room");
    file.metadata().expect("it has a length").len()
}

/// What a function does beside having a number for a result.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(super) enum Deed {
    Return,
    SleepUs(u64),
    Panic,
    Abort,
    Exit(i32),
    Signal(i32),
    Spin,
    /// Waits to be signalled from outside.
    Suffer(i32),
    Devour,
    /// Dies in the first so many runs.
    DieFirst(u64),
}

fn signal(number: i32) -> Signal {
    Signal::from_named_raw(number).expect("the kernel knows it")
}

pub(super) fn act((site, deed): (Site, Deed)) -> u32 {
    site.enter();
    match deed {
        Deed::Return => {}
        Deed::SleepUs(time_us) => std::thread::sleep(Duration::from_micros(time_us)),
        Deed::Panic => std::panic::resume_unwind(Box::new("on purpose")),
        Deed::Abort => std::process::abort(),
        Deed::Exit(code) => std::process::exit(code),
        Deed::Signal(number) => {
            kill_process(getpid(), signal(number)).expect("it can be sent");
            wait_for_ever();
        }
        Deed::Spin => loop {
            std::hint::spin_loop();
        },
        Deed::Suffer(number) => {
            let words = [std::process::id().to_le_bytes(), number.to_le_bytes()].concat();
            append(&Path::new(&site.folder).join(VICTIMS), &words);
            wait_for_ever();
        }
        Deed::Devour => {
            let mut all: Vec<Vec<u8>> = Vec::new();
            loop {
                all.push(vec![1; 1 << 20]);
            }
        }
        Deed::DieFirst(runs) => {
            let file = Path::new(&site.folder).join(format!("runs of {}", site.id));
            if append(&file, b".") <= runs {
                std::process::abort();
            }
            std::fs::remove_file(file).expect("it was there");
        }
    }
    site.id
}

fn wait_for_ever() -> ! {
    loop {
        std::thread::park();
    }
}

pub(super) fn mirror((site, mut bytes): (Site, Vec<u8>)) -> Vec<u8> {
    site.enter();
    bytes.reverse();
    bytes
}

/// Bytes that tell whose they are.
pub(super) fn fill((site, len): (Site, u64)) -> Vec<u8> {
    site.enter();
    vec![site.id as u8; usize::try_from(len).expect("a length")]
}

/// Adds one to each byte; the last one is left to a worker that dies.
pub(super) fn brighten((site, mut buffer, dies): (Site, SharedBuf, bool)) -> SharedBuf {
    site.enter();
    let bytes = if dies { buffer.len() - 1 } else { buffer.len() };
    buffer[..bytes].iter_mut().for_each(|byte| *byte = byte.wrapping_add(1));
    if dies {
        std::process::abort();
    }
    buffer
}

pub(super) fn count_up(cx: &Context, (site, to): (Site, u32)) -> u32 {
    site.enter();
    (1..=to).for_each(|n| cx.progress(n));
    site.id
}

pub(crate) fn add_to(functions: Functions) -> Functions {
    functions
        .add("chaos: act", act)
        .add("chaos: mirror", mirror)
        .add("chaos: fill", fill)
        .add("chaos: brighten", brighten)
        .add_with("chaos: count up", count_up)
}
