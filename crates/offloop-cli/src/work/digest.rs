//! The expensive synchronous call: open one file, read it, and compute its SHA-256.
//!
//! It reads in pieces, so that memory does not grow with the file; it never opens
//! anything that would block for a reason other than reading, such as a named pipe; and
//! what it cannot vouch for is an error that names the reason.

use super::sums::Digest;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use std::borrow::Cow;
use std::cell::RefCell;
use std::fmt;
use std::fs::{Metadata, OpenOptions};
use std::io::{self, Read};
use std::path::Path;
use std::time::SystemTime;

/// Large enough that system calls cost little beside the hashing, small enough to stay
/// in a core's cache.
pub(super) const PIECE_BYTES: usize = 128 * 1024;

thread_local! {
    /// One buffer per thread that hashes: clearing a new one for each file would cost
    /// more than hashing a small file.
    static PIECE: RefCell<Vec<u8>> = RefCell::new(vec![0; PIECE_BYTES]);
}

/// What the call found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Hashed {
    pub(crate) digest: Digest,
    pub(crate) bytes: u64,
}

/// Why a file has no digest.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum FileError {
    /// It was there when the work list was made.
    Vanished,
    /// Something else stands under this name now.
    NotAFile(Cow<'static, str>),
    /// Its size or its time of change moved while it was read.
    Changed,
    /// The caller asked to stop; this says nothing about the file.
    Stopped,
    /// The system refused.
    Io(#[serde(with = "io_error")] io::Error),
}

impl fmt::Display for FileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            FileError::Vanished => f.write_str("vanished after the work list was made"),
            FileError::NotAFile(kind) => write!(f, "is {kind} now, and no regular file"),
            FileError::Changed => f.write_str("changed while it was read"),
            FileError::Stopped => f.write_str("was not finished, because of the interruption"),
            FileError::Io(error) => write!(f, "cannot be read: {error}"),
        }
    }
}

impl From<io::Error> for FileError {
    fn from(error: io::Error) -> FileError {
        match error.kind() {
            io::ErrorKind::NotFound => FileError::Vanished,
            _ => FileError::Io(error),
        }
    }
}

/// An error of the system between two processes: its number, or its words when it has none.
mod io_error {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};
    use std::io::Error;

    pub(super) fn serialize<S: Serializer>(error: &Error, to: S) -> Result<S::Ok, S::Error> {
        error.raw_os_error().ok_or_else(|| error.to_string()).serialize(to)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Error, D::Error> {
        let told = Result::<i32, String>::deserialize(from)?;
        Ok(told.map_or_else(Error::other, Error::from_raw_os_error))
    }
}

/// Opens, reads and hashes the file. `stop` is asked between two pieces.
pub(crate) fn hash(path: &Path, stop: &dyn Fn() -> bool) -> Result<Hashed, FileError> {
    let mut sha = Sha256::new();
    let bytes = read(path, stop, |piece| sha.update(piece))?;
    Ok(Hashed { digest: sha.finalize().into(), bytes })
}

/// Reads the file to its end and gives each piece to `each`; returns the bytes read.
pub(crate) fn read(
    path: &Path,
    stop: &dyn Fn() -> bool,
    mut each: impl FnMut(&[u8]),
) -> Result<u64, FileError> {
    let mut file = options().open(path)?;
    let before = Before::of(&file.metadata()?)?;
    let mut total = 0;
    PIECE.with_borrow_mut(|piece| {
        loop {
            if stop() {
                return Err(FileError::Stopped);
            }
            match file.read(piece) {
                Ok(0) => return Ok(()),
                Ok(read) => {
                    each(&piece[..read]);
                    total += read as u64;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(FileError::Io(error)),
            }
        }
    })?;
    before.is_still(&file.metadata()?)?;
    Ok(total)
}

/// What a file has to be after it was read, too.
pub(super) struct Before {
    bytes: u64,
    modified: Option<SystemTime>,
}

impl Before {
    /// Refuses all but regular files.
    pub(super) fn of(metadata: &Metadata) -> Result<Before, FileError> {
        match metadata.is_file() {
            true => Ok(Before { bytes: metadata.len(), modified: metadata.modified().ok() }),
            false => Err(FileError::NotAFile(kind_of(metadata).into())),
        }
    }

    pub(super) fn is_still(&self, after: &Metadata) -> Result<(), FileError> {
        match (self.bytes, self.modified) == (after.len(), after.modified().ok()) {
            true => Ok(()),
            false => Err(FileError::Changed),
        }
    }
}

/// How a file is opened. On Unix without waiting: a named pipe that took the file's place
/// must not hold the caller until somebody writes to it.
pub(super) fn options() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.read(true);
    #[cfg(unix)]
    {
        use rustix::fs::OFlags;
        use std::os::unix::fs::OpenOptionsExt;
        let flags = OFlags::NONBLOCK | OFlags::NOCTTY;
        options.custom_flags(flags.bits().cast_signed());
    }
    options
}

/// What stands under a name, in words.
pub(crate) fn kind_of(metadata: &Metadata) -> &'static str {
    let kind = metadata.file_type();
    #[cfg(unix)]
    {
        use std::os::unix::fs::FileTypeExt;
        if kind.is_fifo() {
            return "a named pipe";
        } else if kind.is_socket() {
            return "a socket";
        } else if kind.is_char_device() || kind.is_block_device() {
            return "a device";
        }
    }
    if kind.is_dir() {
        "a folder"
    } else if kind.is_symlink() {
        "a symbolic link"
    } else {
        "a special file"
    }
}
