//! A file that the tour writes: found writable before the work, and there as a whole or
//! not at all after it.
//!
//! What is written goes to a new file in the same folder, which takes the name at the
//! end. Behind a symbolic link that is the folder of the file it leads to; a device or a
//! pipe is written as it stands.

use crate::work::names::shown;
use anyhow::{Result, anyhow, bail};
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

/// Where an option points to.
#[derive(Debug)]
pub(crate) struct Target {
    option: &'static str,
    asked: PathBuf,
    /// The absolute path behind all links, of a regular file that is there already.
    real: Option<PathBuf>,
}

impl Target {
    pub(crate) fn new(option: &'static str, asked: &Path) -> Target {
        let regular = fs::metadata(asked).is_ok_and(|metadata| metadata.is_file());
        Target {
            option,
            asked: asked.to_owned(),
            real: fs::canonicalize(asked).ok().filter(|_| regular),
        }
    }

    /// Its name, on one line.
    pub(crate) fn name(&self) -> String {
        shown(&self.asked)
    }

    pub(crate) fn is_dash(&self) -> bool {
        self.asked.as_os_str() == "-"
    }

    pub(crate) fn real_path(&self) -> Option<&Path> {
        self.real.as_deref()
    }

    /// Whether both would be written to one place.
    pub(crate) fn is_same_as(&self, other: &Target) -> bool {
        let place = |target: &Target| {
            let path = target.path();
            Some((fs::canonicalize(folder_of(path)).ok()?, path.file_name()?.to_owned()))
        };
        self.asked == other.asked || place(self).is_some_and(|mine| place(other) == Some(mine))
    }

    /// Finds out before the work whether the file can be written after it.
    pub(crate) fn try_write(&self) -> Result<()> {
        let (name, option) = (self.name(), self.option);
        let folder = folder_of(self.path());
        let found = fs::metadata(&self.asked);
        match &found {
            Ok(metadata) if metadata.is_dir() => bail!("{name}: is a folder; give {option} a file"),
            Ok(metadata) if !metadata.is_file() => return Ok(()),
            _ => {}
        }
        if self.path().file_name().is_none() {
            bail!("{name}: cannot be written: it names no file; give {option} a file");
        }
        if !folder.is_dir() {
            let folder = shown(folder);
            bail!(
                "{name}: cannot be written: there is no folder {folder}; make it, or give \
                 {option} another file"
            );
        }
        let tried = match found {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => self.beside().map(drop),
        };
        tried.map_err(|error| {
            let reason = reason_of(&error);
            anyhow!("{name}: cannot be written: {reason}; give {option} another file")
        })
    }

    /// Writes what `fill` gives, all of it or nothing.
    pub(crate) fn write(
        &self,
        fill: impl FnOnce(&mut dyn Write) -> io::Result<()>,
    ) -> io::Result<()> {
        let buffered = |file: &File| {
            let mut out = BufWriter::new(file);
            fill(&mut out)?;
            out.flush()
        };
        if fs::metadata(&self.asked).is_ok_and(|metadata| !metadata.is_file()) {
            return buffered(&OpenOptions::new().write(true).open(&self.asked)?);
        }
        let temporary = self.beside()?;
        buffered(temporary.as_file())?;
        temporary.persist(self.path())?;
        Ok(())
    }

    fn path(&self) -> &Path {
        self.real.as_deref().unwrap_or(&self.asked)
    }

    /// A new file in the folder of the file, with the rights that the user's mask leaves.
    fn beside(&self) -> io::Result<tempfile::NamedTempFile> {
        let mut builder = tempfile::Builder::new();
        builder.prefix(".offloop-");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            builder.permissions(fs::Permissions::from_mode(0o666));
        }
        builder.tempfile_in(folder_of(self.path()))
    }
}

fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

/// What the system said, without the name of a temporary file that nobody asked for.
fn reason_of(error: &io::Error) -> String {
    let text = error.to_string();
    text.split_once(" at path ").map_or(text.clone(), |(reason, _)| reason.to_owned())
}
