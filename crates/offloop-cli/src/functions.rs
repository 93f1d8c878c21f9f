//! What a worker process of this command can be asked to do.
//!
//! Invariant: the list is the same in the command and in its workers, because both are made
//! here; a worker gives way to the loop as the threads do.

use crate::calibrate;
use crate::tour::chaos::Ill;
use crate::tour::rounds::WORKER_NICE;
use crate::work::digest::{self, FileError, Hashed};
use offloop::{Context, Functions};
use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::path::PathBuf;

/// All of them.
pub(crate) fn functions() -> Functions {
    Functions::new()
        .add_with("hash", hash)
        .add("nothing", calibrate::nothing)
        .add("echo", calibrate::echo)
        .add("echo_shared", calibrate::echo_shared)
        .add("usage", calibrate::usage)
        .add("wait", calibrate::wait)
        .worker_init(|| {
            if let Some(nice) = WORKER_NICE {
                // A worker that may not give way works all the same.
                let _ = rustix::process::nice(nice);
            }
        })
}

/// The expensive call; the path as bytes, because it need not be UTF-8.
pub(crate) fn hash(cx: &Context, (path, ill): (Vec<u8>, Option<Ill>)) -> Result<Hashed, FileError> {
    if let Some(ill) = ill {
        ill.befall();
    }
    let path = PathBuf::from(OsString::from_vec(path));
    digest::hash(&path, &|| cx.is_cancelled())
}
