//! What a worker prints, as it is told to the host. Invariant: no type of any system's is in it, so
//! that a program which hears of it compiles everywhere.

use std::sync::Arc;

/// A line that a worker printed; for [`Processes::on_output`](crate::Processes::on_output).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct WorkerLine<'a> {
    /// The number of the process.
    pub process: u32,
    /// Whether it came by standard error; else by standard output.
    pub is_stderr: bool,
    /// The line, without its end. Bytes that are no UTF-8 are replaced; one longer than 64 KiB comes
    /// in parts.
    pub text: &'a str,
}

pub(super) type Hook = Arc<dyn Fn(&WorkerLine<'_>) + Send + Sync>;
