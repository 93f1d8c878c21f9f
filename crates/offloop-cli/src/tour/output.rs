//! Where the results go: the digests file, and the page or document on standard output.
//!
//! A file of digests appears as a whole or not at all. A result that cannot be written
//! is said on one line, and the others are still written.

use super::ledger::Settled;
use super::report::Report;
use crate::cli::TourArgs;
use crate::say;
use crate::work::names::shown;
use crate::work::sums;
use anyhow::{Context, Result, bail};
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use terminal_size::{Width, terminal_size_of};

/// The width of the page in a file or a pipe.
const COLUMNS_ELSEWHERE: usize = 80;

/// Where `--digests` points to.
pub(crate) struct DigestsFile {
    asked: PathBuf,
    /// The absolute path behind all links, of a regular file that is there already.
    real: Option<PathBuf>,
}

impl DigestsFile {
    pub(crate) fn new(asked: &Path) -> DigestsFile {
        let regular = fs::metadata(asked).is_ok_and(|metadata| metadata.is_file());
        DigestsFile {
            asked: asked.to_owned(),
            real: fs::canonicalize(asked).ok().filter(|_| regular),
        }
    }

    pub(crate) fn is_stdout(&self) -> bool {
        self.asked.as_os_str() == "-"
    }

    pub(crate) fn real_path(&self) -> Option<&Path> {
        self.real.as_deref().filter(|_| !self.is_stdout())
    }

    /// Finds out before the work whether the file can be written after it.
    pub(crate) fn try_write(&self) -> Result<()> {
        if self.is_stdout() {
            return Ok(());
        }
        let tried = match self.special() {
            Some(true) => bail!("{}: is a folder; give --digests a file", shown(&self.asked)),
            Some(false) => Ok(()),
            None => self.beside().map(drop),
        };
        tried.with_context(|| format!("{}: cannot be written", shown(&self.asked)))
    }

    /// `Some` when something other than a regular file stands there; true for a folder.
    fn special(&self) -> Option<bool> {
        let metadata = fs::metadata(&self.asked).ok()?;
        (!metadata.is_file()).then(|| metadata.is_dir())
    }

    /// A new file in the folder of the file, with the rights that the user's mask leaves.
    fn beside(&self) -> io::Result<tempfile::NamedTempFile> {
        let target = self.real.as_deref().unwrap_or(&self.asked);
        let folder = match target.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder,
            _ => Path::new("."),
        };
        let mut builder = tempfile::Builder::new();
        builder.prefix(".offloop-digests-");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            builder.permissions(fs::Permissions::from_mode(0o666));
        }
        builder.tempfile_in(folder)
    }

    fn write(&self, settled: &Settled, files: &[PathBuf]) -> io::Result<()> {
        if self.is_stdout() {
            return write_digests(io::stdout().lock(), settled, files);
        }
        if self.special().is_some() {
            let device: File = OpenOptions::new().write(true).open(&self.asked)?;
            return write_digests(device, settled, files);
        }
        let mut temporary = self.beside()?;
        write_digests(temporary.as_file_mut(), settled, files)?;
        temporary.persist(self.real.as_deref().unwrap_or(&self.asked))?;
        Ok(())
    }
}

fn write_digests(out: impl Write, settled: &Settled, files: &[PathBuf]) -> io::Result<()> {
    let mut out = BufWriter::new(out);
    for (path, digest) in super::hashed(settled, files) {
        sums::write_line(&mut out, digest, path)?;
    }
    out.flush()
}

/// Writes everything. Says whether all of it was written.
pub(crate) fn write(
    args: &TourArgs,
    digests: Option<&DigestsFile>,
    report: &Report,
    settled: &Settled,
    files: &[PathBuf],
) -> bool {
    let digests_written = digests.is_none_or(|digests| {
        let result = digests.write(settled, files);
        told(&shown(&digests.asked), result)
    });
    let to_stderr = digests.is_some_and(DigestsFile::is_stdout);
    let text = match args.json {
        true => report.json().map_err(io::Error::from),
        false => Ok(report.page(columns(to_stderr))),
    };
    let report_written = text.and_then(|text| match to_stderr {
        true => io::stderr().write_all(text.as_bytes()),
        false => {
            let mut out = io::stdout().lock();
            out.write_all(text.as_bytes())?;
            out.flush()
        }
    });
    told("the report", report_written) && digests_written
}

/// The width of the terminal that the page goes to.
fn columns(to_stderr: bool) -> usize {
    let size = match to_stderr {
        true => terminal_size_of(io::stderr()),
        false => terminal_size_of(io::stdout()),
    };
    size.map_or(COLUMNS_ELSEWHERE, |(Width(columns), _)| usize::from(columns))
}

fn told(what: &str, result: io::Result<()>) -> bool {
    match &result {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {
            say(&format!("{what}: standard output was closed before it was all written"));
        }
        Err(error) => say(&format!("{what}: cannot be written: {error}")),
    }
    result.is_ok()
}
