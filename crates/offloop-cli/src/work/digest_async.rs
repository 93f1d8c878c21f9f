//! The same call as a future, for a tokio runtime: the file is read by tokio's file system.
//!
//! Files are never "ready" as sockets are, so tokio reads each piece on a thread of its own
//! pool. Invariant: the thread that polls waits for no file, and between two pieces it is
//! given to the other calls; a call that has no piece in work has no thread.

use super::digest::{Before, FileError, Hashed, PIECE_BYTES, options};
use sha2::{Digest as _, Sha256};
use std::io;
use std::path::Path;
use tokio::fs::OpenOptions;
use tokio::io::AsyncReadExt as _;

/// Opens, reads and hashes the file. `stop` is asked between two pieces.
pub(crate) async fn hash(path: &Path, stop: impl Fn() -> bool) -> Result<Hashed, FileError> {
    let mut file = OpenOptions::from(options()).open(path).await?;
    let before = Before::of(&file.metadata().await?)?;
    let (mut sha, mut bytes) = (Sha256::new(), 0);
    let mut piece = Vec::with_capacity(PIECE_BYTES);
    loop {
        if stop() {
            return Err(FileError::Stopped);
        }
        piece.clear();
        match file.read_buf(&mut piece).await {
            Ok(0) => break,
            Ok(read) => {
                sha.update(&piece);
                bytes += read as u64;
                tokio::task::yield_now().await;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(FileError::Io(error)),
        }
    }
    before.is_still(&file.metadata().await?)?;
    Ok(Hashed { digest: sha.finalize().into(), bytes })
}
