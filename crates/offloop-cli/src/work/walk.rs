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

/// A path and what is to be said about it: of a skipped path what it is ("a socket"), of
/// a failed one what is wrong with it ("does not exist").
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

/// A file that the run itself writes.
#[derive(Debug)]
pub(crate) struct Own {
    /// The absolute path behind all links.
    pub(crate) real: PathBuf,
    /// What is written to it: "digests".
    pub(crate) holds: &'static str,
}

/// How to walk.
#[derive(Clone, Copy, Default)]
pub(crate) struct Rules<'a> {
    /// Follow symbolic links inside folders, too.
    pub(crate) follow: bool,
    /// Files that the run itself writes.
    pub(crate) except: &'a [Own],
}

/// Lists the files under `paths`. `stop` is asked at each entry.
pub(crate) fn walk(paths: &[PathBuf], rules: Rules<'_>, stop: &dyn Fn() -> bool) -> Found {
    let mut found = Found::default();
    for path in paths {
        match fs::metadata(path) {
            Ok(metadata) if metadata.is_dir() => found.folder(path, rules, stop),
            Ok(metadata) if metadata.is_file() => found.file(path.clone(), rules),
            Ok(metadata) => {
                found.skip(path, kind_of(&metadata).to_owned());
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
                Ok(metadata) => self.skip(entry.path(), kind_of(&metadata).to_owned()),
                Err(_) => self.skip(entry.path(), "neither a file nor a folder".to_owned()),
            }
        }
    }

    fn file(&mut self, path: PathBuf, rules: Rules<'_>) {
        let is_own = |own: &&Own| {
            path.file_name() == own.real.file_name()
                && fs::canonicalize(&path).is_ok_and(|real| real == own.real)
        };
        match rules.except.iter().find(is_own) {
            Some(own) => {
                self.skip(&path, format!("the file that this run writes its {} to", own.holds));
            }
            None => self.files.push(path),
        }
    }

    /// A link that is not followed: named only when following it would have failed.
    fn link(&mut self, path: &Path) {
        match fs::metadata(path) {
            Ok(metadata) if metadata.is_dir() && leads_back(path) => {
                self.skip(path, "a link loop: it leads back to a folder it is in".to_owned());
            }
            Ok(_) => self.links += 1,
            Err(error) => {
                let what = bad_link(path, &error).map_or_else(
                    || format!("a symbolic link to what cannot be looked at: {error}"),
                    str::to_owned,
                );
                self.skip(path, what);
            }
        }
    }

    /// A link that leads to no file is skipped here as it is by [`Found::link`]: whether
    /// links are followed does not make it a failure.
    fn walk_error(&mut self, root: &Path, error: &walkdir::Error) {
        let path = error.path().unwrap_or(root);
        if let Some(ancestor) = error.loop_ancestor() {
            self.skip(path, format!("a link loop: it leads back to {}", shown(ancestor)));
            return;
        }
        let Some(error) = error.io_error() else {
            self.fail(path, error.to_string());
            return;
        };
        match bad_link(path, error) {
            Some(what) => self.skip(path, what.to_owned()),
            None => self.fail(path, reason_of(path, error)),
        }
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

/// What the path is, when it is a link that leads to no file.
fn bad_link(path: &Path, error: &io::Error) -> Option<&'static str> {
    let is_link = || fs::symlink_metadata(path).is_ok_and(|m| m.file_type().is_symlink());
    if is_loop(error) {
        Some("a link loop: its symbolic links lead back to themselves")
    } else if error.kind() == io::ErrorKind::NotFound && is_link() {
        Some("a symbolic link to nothing")
    } else {
        None
    }
}

fn reason_of(path: &Path, error: &io::Error) -> String {
    match bad_link(path, error) {
        Some(what) => format!("is {what}"),
        None if error.kind() == io::ErrorKind::NotFound => "does not exist".to_owned(),
        None => format!("cannot be looked at: {error}"),
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
