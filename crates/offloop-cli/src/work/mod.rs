//! The work: which files there are, what is done to each, and how they are named.
//!
//! Nothing here knows of a loop, of a thread or of offloop; the async form knows tokio.

pub(crate) mod digest;
pub(crate) mod digest_async;
pub(crate) mod names;
pub(crate) mod sums;
pub(crate) mod walk;

#[cfg(test)]
mod tests;
