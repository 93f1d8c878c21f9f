//! The command as its users meet it: as a process, with real files, signals and clients.

mod bad_input;
mod calibrate;
#[cfg(target_os = "linux")]
mod chaos;
mod digests;
mod interrupt;
mod page;
mod report;
mod service;
mod tour;
