//! What the programs named `hash_…` do: they hash the files of a folder, tell how far they are, and
//! stop when they are asked to. Each shows it on another loop; this is the part that knows of none.
//!
//! Invariant: the same files give the same digest, in whatever order the system lists them.

use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use offloop::Context;
use sha2::{Digest, Sha256};

/// What to hash, and how fast.
#[derive(Debug, Clone)]
pub struct Options {
    /// All files below it count, links apart.
    pub folder: PathBuf,
    /// How long to wait after each file, so that there is something to watch.
    pub pause: Duration,
}

impl Options {
    /// `[FOLDER [PAUSE_MS]]` of the command line; `examples` and no pause where it says nothing.
    ///
    /// # Panics
    /// The pause is no number; the message says so.
    pub fn from_args() -> Self {
        let mut args = std::env::args_os().skip(1);
        let folder = args.next().map_or_else(|| "examples".into(), PathBuf::from);
        let pause = args.next().map_or(0, |text| {
            let number = text.to_str().and_then(|text| text.parse().ok());
            number.unwrap_or_else(|| panic!("{text:?}: the pause is a number of milliseconds"))
        });
        Self { folder, pause: Duration::from_millis(pause) }
    }
}

/// How far it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Progress {
    /// Files hashed so far.
    pub done: usize,
    /// Files in all.
    pub of: usize,
}

impl fmt::Display for Progress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {} files", self.done, self.of)
    }
}

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Summary {
    /// How many files.
    pub files: usize,
    /// How large they are together.
    pub bytes: u64,
    /// Of all their names and contents.
    pub digest: String,
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digest = self.digest.get(..16).unwrap_or(&self.digest);
        write!(f, "{} files, {} bytes, {digest}", self.files, self.bytes)
    }
}

/// Reads and hashes one file after the other, on the thread that calls it.
///
/// # Errors
/// A file, or the folder, can't be read; the message names it.
pub fn hash_folder(cx: &Context, options: &Options) -> io::Result<Summary> {
    let files = walk(&options.folder)?;
    let (of, mut bytes, mut all) = (files.len(), 0, Sha256::new());
    for (done, path) in files.iter().enumerate() {
        cx.progress(Progress { done, of });
        if cx.is_cancelled() {
            break; // nobody looks at what comes of it
        }
        let (digest, len) = hash_file(path).map_err(|error| about(path, &error))?;
        let name = path.strip_prefix(&options.folder).unwrap_or(path);
        all.update(name.as_os_str().as_encoded_bytes());
        all.update(digest);
        bytes += len;
        thread::sleep(options.pause);
    }
    cx.progress(Progress { done: of, of });
    let digest = all.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    Ok(Summary { files: of, bytes, digest })
}

fn hash_file(path: &Path) -> io::Result<([u8; 32], u64)> {
    let (mut file, mut sum, mut len) = (File::open(path)?, Sha256::new(), 0);
    let mut buffer = vec![0; 64 * 1024];
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok((sum.finalize().into(), len)),
            n => {
                sum.update(&buffer[..n]);
                len += n as u64;
            }
        }
    }
}

/// All files below a folder, by name.
fn walk(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let (mut files, mut folders) = (Vec::new(), vec![folder.to_owned()]);
    while let Some(folder) = folders.pop() {
        for entry in folder.read_dir().map_err(|error| about(&folder, &error))? {
            let entry = entry?;
            let kind = entry.file_type()?;
            if kind.is_dir() {
                folders.push(entry.path());
            } else if kind.is_file() {
                files.push(entry.path());
            }
        }
    }
    files.sort();
    Ok(files)
}

fn about(path: &Path, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{}: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::time::{Duration, Instant};

    use offloop::{Failure, Offloop, Outcome};

    use super::{Options, Progress, Summary, hash_folder};

    #[derive(Default)]
    struct Seen {
        progress: Vec<Progress>,
        outcome: Option<Outcome<std::io::Result<Summary>>>,
    }

    fn hash(options: Options, cancel: bool) -> Seen {
        let off = Offloop::<Seen>::builder().no_waker().build().expect("it can be built");
        let call = off.call_with(move |cx| hash_folder(cx, &options));
        let call = call.on_progress(|seen: &mut Seen, progress| seen.progress.push(progress));
        let ticket = call.then(|seen, outcome| seen.outcome = Some(outcome));
        if cancel {
            ticket.cancel();
        }
        let (mut seen, began) = (Seen::default(), Instant::now());
        while seen.outcome.is_none() {
            assert!(began.elapsed() < Duration::from_secs(30), "it ends");
            off.deliver(&mut seen);
        }
        seen
    }

    #[test]
    fn the_same_files_have_one_digest_and_others_another() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("below")).unwrap();
        fs::write(folder.path().join("below/one"), "one").unwrap();
        fs::write(folder.path().join("two"), "two").unwrap();
        let options = Options { folder: folder.path().to_owned(), pause: Duration::ZERO };
        let first = hash(options.clone(), false);
        assert_eq!(first.progress.last(), Some(&Progress { done: 2, of: 2 }));
        let first = first.outcome.unwrap().unwrap().unwrap();
        assert_eq!((first.files, first.bytes), (2, 6));
        let again = hash(options.clone(), false).outcome.unwrap().unwrap().unwrap();
        assert_eq!(first, again);
        fs::write(folder.path().join("two"), "TWO").unwrap();
        let other = hash(options, false).outcome.unwrap().unwrap().unwrap();
        assert_ne!(first.digest, other.digest);
    }

    #[test]
    fn a_folder_that_is_not_there_is_named() {
        let options = Options { folder: "no/such/folder".into(), pause: Duration::ZERO };
        let error = hash(options, false).outcome.unwrap().unwrap().unwrap_err();
        assert!(error.to_string().starts_with("no/such/folder: "), "{error}");
    }

    #[test]
    fn a_cancel_is_an_outcome() {
        let options = Options { folder: "src".into(), pause: Duration::from_secs(1) };
        let outcome = hash(options, true).outcome.unwrap();
        assert!(matches!(outcome, Err(Failure::Cancelled(_))));
    }
}
