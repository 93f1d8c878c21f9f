//! The work list: the regular files under the given paths, in a fixed order, each once.
//!
//! Symbolic links inside a folder are followed only on request; a path given by the user
//! is. Nothing is opened here but folders, and whatever is left out is named.

use super::digest::kind_of;
use super::names::shown;
use std::collections::HashSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use walkdir::{DirEntry, WalkDir};

/// A path and what is to be said about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Note {
    pub(crate) path: PathBuf,
    pub(crate) reason: String,
}

/// What the walk found.
#[derive(Debug, Default)]
pub(crate) struct Found {
    pub(crate) files: Vec<PathBuf>,
    /// Paths that should have been files or folders and could not be used.
    pub(crate) failed: Vec<Note>,
    /// What is no regular file, or was left out on purpose.
    pub(crate) skipped: Vec<Note>,
    /// Links that lead somewhere and were not followed: too common to name each.
    pub(crate) links: u64,
    /// Whether `stop` cut the walk short.
    pub(crate) stopped: bool,
}

/// How to walk.
#[derive(Clone, Copy, Default)]
pub(crate) struct Rules<'a> {
    /// Follow symbolic links inside folders, too.
    pub(crate) follow: bool,
    /// A file that the run itself writes, as an absolute path.
    pub(crate) except: Option<&'a Path>,
}

/// Lists the files under `paths`. `stop` is asked at each entry.
pub(crate) fn walk(paths: &[PathBuf], rules: Rules<'_>, stop: &dyn Fn() -> bool) -> Found {
    let mut found = Found::default();
    for path in paths {
        match fs::metadata(path) {
            Ok(metadata) if metadata.is_dir() => found.folder(path, rules, stop),
            Ok(metadata) if metadata.is_file() => found.file(path.clone(), rules),
            Ok(metadata) => {
                let reason = format!("is {}, not a file or a folder", kind_of(&metadata));
                found.skip(path, reason);
            }
            Err(error) => found.fail(path, reason_of(path, &error)),
        }
    }
    let mut seen = HashSet::with_capacity(found.files.len());
    let unique: Vec<bool> = found.files.iter().map(|file| seen.insert(file)).collect();
    let mut unique = unique.into_iter();
    found.files.retain(|_| unique.next() == Some(true));
    found
}

impl Found {
    fn folder(&mut self, root: &Path, rules: Rules<'_>, stop: &dyn Fn() -> bool) {
        let walk = WalkDir::new(root).follow_links(rules.follow);
        for entry in walk.sort_by_file_name() {
            if stop() {
                self.stopped = true;
                return;
            }
            match entry {
                Ok(entry) => self.entry(&entry, rules),
                Err(error) => self.walk_error(root, &error),
            }
        }
    }

    fn entry(&mut self, entry: &DirEntry, rules: Rules<'_>) {
        let kind = entry.file_type();
        if kind.is_file() {
            self.file(entry.path().to_owned(), rules);
        } else if kind.is_symlink() {
            self.link(entry.path());
        } else if !kind.is_dir() {
            match entry.metadata() {
                Ok(metadata) => {
                    let reason = format!("is {}, not a file or a folder", kind_of(&metadata));
                    self.skip(entry.path(), reason);
                }
                Err(_) => self.skip(entry.path(), "is not a file or a folder".to_owned()),
            }
        }
    }

    fn file(&mut self, path: PathBuf, rules: Rules<'_>) {
        let is_own = |except: &Path| {
            path.file_name() == except.file_name()
                && fs::canonicalize(&path).is_ok_and(|real| real == except)
        };
        if rules.except.is_some_and(is_own) {
            let reason = "is the file that this run writes its digests to";
            self.skip(&path, reason.to_owned());
        } else {
            self.files.push(path);
        }
    }

    /// A link that is not followed: named only when following it would have failed.
    fn link(&mut self, path: &Path) {
        match fs::metadata(path) {
            Ok(metadata) if metadata.is_dir() && leads_back(path) => {
                self.skip(path, "is a link loop: it leads back to a folder it is in".into());
            }
            Ok(_) => self.links += 1,
            Err(error) => self.skip(path, reason_of(path, &error)),
        }
    }

    fn walk_error(&mut self, root: &Path, error: &walkdir::Error) {
        let path = error.path().unwrap_or(root);
        let reason = match (error.loop_ancestor(), error.io_error()) {
            (Some(ancestor), _) => {
                format!("is a link loop: it leads back to {}", shown(ancestor))
            }
            (None, Some(error)) => reason_of(path, error),
            (None, None) => error.to_string(),
        };
        self.fail(path, reason);
    }

    fn skip(&mut self, path: &Path, reason: String) {
        let path = path.to_owned();
        self.skipped.push(Note { path, reason });
    }

    fn fail(&mut self, path: &Path, reason: String) {
        let path = path.to_owned();
        self.failed.push(Note { path, reason });
    }
}

/// Whether the folder behind a link holds that very link.
fn leads_back(link: &Path) -> bool {
    let home = link.parent().unwrap_or(Path::new("."));
    match (fs::canonicalize(link), fs::canonicalize(home)) {
        (Ok(target), Ok(home)) => home.starts_with(target),
        _ => false,
    }
}

fn reason_of(path: &Path, error: &io::Error) -> String {
    let is_link = fs::symlink_metadata(path).is_ok_and(|m| m.file_type().is_symlink());
    if is_loop(error) {
        "is a link loop: its symbolic links lead back to themselves".to_owned()
    } else if error.kind() == io::ErrorKind::NotFound && is_link {
        "is a symbolic link to nothing".to_owned()
    } else if error.kind() == io::ErrorKind::NotFound {
        "does not exist".to_owned()
    } else {
        format!("cannot be looked at: {error}")
    }
}

fn is_loop(error: &io::Error) -> bool {
    #[cfg(unix)]
    let is_loop = error.raw_os_error() == Some(rustix::io::Errno::LOOP.raw_os_error());
    #[cfg(not(unix))]
    let is_loop = {
        let _ = error;
        false
    };
    is_loop
}
