//! What a call weighs that waits for its worker.
//!
//! Invariant: each executor is weighed in a process of its own, where no memory that was used
//! before can be used again unseen.

use super::measure::{Place, nothing, submit, usage};
use crate::cli::{EXIT_OK, WEIGHING_COMMAND};
use anyhow::{Context, Result};
#[cfg(target_os = "linux")]
use offloop::Processes;
use offloop::{Cores, Offloop, Threads};
use offloop_tokio::TokioExecutor;
use std::process::{Command, Stdio};
use std::time::Duration;

/// So many wait at the same time: fewer than a queue holds by default.
const CALLS: u32 = 20_000;

/// The one that keeps the worker busy. In a process it is ended by a kill, on a thread it is left
/// behind: the process ends after it.
pub(crate) fn wait(_: ()) {
    loop {
        std::thread::park();
    }
}

/// In bytes; `None` when it could not be found out.
pub(super) fn of_a_waiting_call(place: Place) -> Option<f64> {
    let mut command = Command::new(std::env::current_exe().ok()?);
    command.args([WEIGHING_COMMAND, place.name()]).stdin(Stdio::null()).stderr(Stdio::null());
    let output = command.output().ok()?;
    String::from_utf8(output.stdout).ok()?.trim().parse().ok()
}

/// Weighs, and prints the bytes of one call.
pub(crate) fn run(place: Place) -> Result<u8> {
    let builder = Offloop::<()>::builder().no_waker();
    let builder = builder.threads(Threads::new().max(1)).cores(Cores::new().workers(1));
    let builder = match place {
        Place::Async => builder.async_on(TokioExecutor::new()?),
        #[cfg(target_os = "linux")]
        Place::Process => {
            builder.processes(Processes::new(crate::functions::functions()).workers(1).spare(0))
        }
        _ => builder,
    };
    let off = builder.build().context("offloop cannot be started")?;
    if place != Place::Inline {
        submit(&off, place, (wait, ()), |_, _| {});
    }
    let bytes = || usage(()).map(|used| used.private_bytes);
    let before = bytes().context("this system does not tell how much memory is used")?;
    for _ in 0..CALLS {
        submit(&off, place, (nothing, ()), |_, _| {});
    }
    let after = bytes().context("this system does not tell how much memory is used")?;
    let grown = u32::try_from(after.saturating_sub(before)).context("too much memory")?;
    println!("{}", f64::from(grown) / f64::from(CALLS));
    off.shutdown(Duration::ZERO);
    Ok(EXIT_OK)
}
